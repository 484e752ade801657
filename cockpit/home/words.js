// Words of an institution's home.

import { learn } from '../words.js';

learn({
  hm_whose: ['机构', 'Institution'], hm_choose: ['选择机构', 'Choose an institution'], hm_choose_text: ['输入机构名称，或从下表选择。', 'Type its name, or choose it below.'], hm_houses: ['列出 {k} / {n} 个机构，仪器多的在前', '{k} of {n} listed, those with most instruments first'], hm_open: ['打开', 'Open'],
  hm_nobody: ['没有编号为 {id} 的机构，或这把密钥无权查看。', 'There is no institution {id}, or this key may not see it.'], hm_to_choose: ['选择其他机构 →', 'Choose another →'],
  hm_now: ['仪器现在', 'Instruments now'], hm_all_states: ['全部', 'All'], hm_none_so: ['现在没有这样的仪器。', 'No instrument is so now.'], hm_more: ['显示更多', 'Show more'], hm_shown: ['列出 {k} / {n} 台', '{k} of {n} listed'],
  hm_month: ['本月与上月', 'This month and last'], hm_month_note: ['本月至今与上月同一时点相比', 'So far, against the same point of last month'], hm_last_month: ['上月同期', 'Last month'], hm_change: ['变化', 'Change'], hm_see_explore: ['按仪器分析 →', 'By instrument →'],
  hm_share: ['可以共享的空闲仪器', 'Idle, to be shared'], hm_share_note: ['现在在线、空闲且无安排；近四周用得最少的在前', 'Online, idle and not planned for now; what ran least in four weeks first'], hm_share_none: ['现在没有空闲的仪器。', 'Nothing is idle and free now.'], hm_recent: ['近四周利用率', 'Four weeks'], hm_free_until: ['空闲至', 'Free until'], hm_open_end: ['没有安排', 'nothing planned'], hm_to_available: ['查看可用仪器 →', 'All that is free →'],
  hm_silent: ['沉默的仪器', 'Silent instruments'], hm_silent_note: ['最久没有消息的在前', 'The longest silent first'], hm_silent_none: ['没有沉默的仪器。', 'None is silent.'], hm_never: ['另有 {n} 台从未上报', '{n} more never spoke'], hm_since: ['沉默自', 'Silent since'], hm_next: ['下一步', 'Next step'], hm_see_gateway: ['看网关 →', 'Its gateway →'], hm_see_instrument: ['看仪器 →', 'Its page →'],
  hm_alerts_none: ['没有待处理的告警。', 'No alert is open.'],
  hm_due: ['到期的维护', 'Maintenance due'], hm_due_note: ['已到期与 30 天内预计到期', 'Due, or expected within 30 days'], hm_due_none: ['30 天内没有到期的维护。', 'Nothing is due within 30 days.'], hm_expected: ['预计', 'Expected'], hm_overdue: ['已到期', 'due'], hm_plan: ['安排时间 →', 'Find an hour →'], hm_see_week: ['看一周 →', 'Its week →'], hm_what: ['维护内容', 'What'],
  hm_lacks: ['记录还缺什么', 'What the record lacks'], hm_lacks_of: ['上月（{from} – {to}）', 'Last month ({from} – {to})'], hm_nothing_to_tell: ['上月没有在役仪器。', 'No instrument was in service last month.'],
  hm_period_none: ['上月还没有报告期', 'There is no period of last month yet'], hm_period_open: ['上月的报告期还没有关账', 'The period of last month is still open'], hm_period_closed: ['上月已关账，{time}', 'Last month was closed, {time}'], hm_make_period: ['建立报告期 →', 'Make it →'], hm_close_period: ['核对并关账 →', 'Check and close it →'], hm_see_period: ['查看 →', 'See it →'],
  hm_covered: ['已知时间占 {p}', '{p} of the time is known'], hm_see_unknown: ['哪些仪器不足 →', 'Which lack most →'], hm_never_seen: ['{n} 台到那时还没有上报过', '{n} had not spoken by then'], hm_see_never: ['查看 →', 'See them →'], hm_bare: ['{k} / {n} 条机时没有说明用途', '{k} of {n} records without a word on their use'], hm_fields: ['{k} 处缺填（{form}）', '{k} gaps for {form}'], hm_fill: ['补充 →', 'Fill them →'],
  hm_week: ['仪器一周 →', 'The week →'],
});
