// Words about alerts, learnt with what shows them.

import { learn } from '../words.js';

learn({
  alerts: ['告警', 'Alerts'], alerts_one_cause: ['同一原因只报一条，恢复后自动关闭', 'One cause is one alert; it closes by itself'], all_alerts: ['全部告警 →', 'All alerts →'], to_alerts: ['到告警 →', 'To Alerts →'],
  al_state_open: ['待处理', 'Open'], al_state_acknowledged: ['已确认', 'Acknowledged'], al_state_muted: ['已静音', 'Muted'], al_state_closed: ['已关闭', 'Closed'], al_state: ['处理状态', 'State'],
  al_none_open: ['没有待处理的告警。', 'Nothing waits for anybody.'], al_none: ['没有符合条件的告警。', 'No such alerts.'],
  al_kind: ['类型', 'Kind'], al_all_kinds: ['全部类型', 'All kinds'], al_all_houses: ['全部机构', 'All institutions'], al_subject: ['对象', 'Subject'], al_what: ['情况', 'What'], al_who: ['处理', 'By whom'], al_lasts: ['已持续', 'For'], al_lasted: ['持续', 'Lasted'],
  al_shown: ['列出 {n} 条，最新的在前', '{n} listed, the newest first'], al_more_there: ['列出最新的 {n} 条，还有更多', 'The newest {n}; there are more'],
  al_accepted: ['{day} 验收', 'accepted on {day}'],
  al_share: ['{day} 未知 {share}，平常 {usual}', '{share} unknown on {day}, usually {usual}'], al_letters: ['一小时 {n} 条（上限 {bound}），多为：{reason}', '{n} in an hour (bound {bound}), mostly: {reason}'],
  al_due_running: ['{plan}：按运行时间于 {time} 到期', '{plan}: due by running time since {time}'], al_due_date: ['{plan}：按日期于 {time} 到期', '{plan}: due by date since {time}'],
  al_meter_hours: ['计时器与状态不符', 'hour meter and states disagree'], al_meter_energy: ['运行却无耗电', 'runs without energy'], al_parts: ['{n} 个中有 {k} 个', '{k} of {n}'], al_instruments: ['涉及 {n} 台仪器', '{n} instruments'],
  al_means: ['这是什么', 'What it means'], al_next: ['下一步', 'What to do next'], al_history: ['经过', 'What befell it'], al_one: ['{kind}：{name}', '{kind}: {name}'], al_of: ['告警 {id}', 'Alert {id}'], al_no_such: ['没有编号为 {id} 的告警，或这把密钥无权查看。', 'There is no alert {id}, or this key may not see it.'],
  al_because: ['为何关闭', 'Closed because'], al_because_retired: ['已退役', 'it is retired'], al_because_suspended: ['已停用', 'it is suspended'], al_because_maintenance: ['正在维护', 'it is being maintained'], al_because_moved: ['已归属他处', 'it belongs elsewhere now'],
  al_opened: ['发生', 'opened'], al_closed: ['关闭', 'closed'], al_folded: ['并入更大范围的告警', 'became part of a wider one'], al_acknowledged: ['确认', 'acknowledged'], al_muted: ['静音', 'muted'], al_unmuted: ['取消静音', 'unmuted'], al_by: ['{who}', 'by {who}'], al_itself: ['系统', 'the service'],
  al_acknowledge: ['确认', 'Acknowledge'], al_acknowledge_of: ['确认 {name} 的告警', 'Acknowledge the alert of {name}'], al_handle: ['处理', 'See to it'], al_handle_of: ['处理 {name} 的告警', 'See to the alert of {name}'], al_unmute: ['取消静音', 'Unmute'],
  al_note: ['备注（他人可见）', 'Note, for others to read'], al_note_hint: ['如：已联系张工，下午恢复供电', 'Such as: power is back this afternoon'], al_mute: ['静音', 'Mute'], al_mute_no: ['不静音', 'Not muted'], al_mute_hour: ['一小时', 'For an hour'], al_mute_tomorrow: ['到明天 8:00', 'Until 8:00 tomorrow'], al_mute_week: ['一周', 'For a week'], al_mute_at: ['到指定时间…', 'Until …'], al_mute_until: ['静音到（{tz}）', 'Muted until ({tz})'],
  al_mute_note: ['静音期间，该对象再次告警也不通知任何人。', 'Until then nobody is notified of its subject, of its next alert neither.'], al_muted_until: ['静音到 {time}', 'muted until {time}'], al_is_past: ['请选今后的时间。', 'Choose a time to come.'], al_closed_meanwhile: ['它刚刚已经关闭。', 'It has closed meanwhile.'],
  al_link: ['详情', 'Details'], al_link_of: ['{name} 告警详情', 'The alert of {name}'], al_more: ['更多', 'More'], al_refused: ['未能处理：{why}', 'It was refused: {why}'],
});
