// Words of a laboratory's week.

import { learn } from '../words.js';

learn({
  wk_title: ['仪器一周', 'The week'], wk_of_house: ['{name}的一周', 'The week of {name}'], wk_note: ['实测使用、预约与计划；时间为 {tz}', 'Measured use, bookings and plans; times are of {tz}'], wk_none: ['没有选择仪器。', 'No instrument is chosen.'], wk_none_text: ['选择机构，或逐台添加仪器。', 'Choose an institution, or add instruments.'],
  wk_add: ['添加仪器', 'Add an instrument'], wk_add_hint: ['名称或编号', 'Name or id'], wk_add_button: ['添加', 'Add'], wk_unknown: ['没有找到“{name}”', 'Nothing is called {name}'], wk_remove: ['去掉 {name}', 'Leave out {name}'], wk_full: ['最多 {n} 台。', 'At most {n} instruments.'],
  wk_next_rows: ['后面的仪器 →', 'The next instruments →'], wk_first_rows: ['← 从头', '← From the first'], wk_days: ['日期', 'Days'], wk_instrument: ['仪器', 'Instrument'],
  wk_grid: ['一周日历：方向键按小时和仪器移动，回车安排维护', 'Calendar: arrow keys move by hour and instrument, Enter plans maintenance'], wk_grid_look: ['一周日历：方向键按小时和仪器移动', 'Calendar: arrow keys move by hour and instrument'], wk_keys: ['方向键按小时和仪器移动，PageUp / PageDown 按天；选空闲的小时按回车或点击，可安排维护。', 'Arrow keys move by hour and instrument, Page keys by day. Enter or a click on a free hour plans maintenance there.'], wk_keys_look: ['方向键按小时和仪器移动，PageUp / PageDown 按天。', 'Arrow keys move by hour and instrument, Page keys by day.'],
  wk_cell: ['{name}，{day}：使用 {n} 次共 {h}，预约 {b} 个', '{name}, {day}: used {n} times, {h}; {b} bookings'], wk_hour: ['{name}，{day} {hour}：{what}', '{name}, {day} {hour}: {what}'],
  wk_is_free: ['空闲', 'free'], wk_is_used: ['有实测使用', 'used'], wk_is_booked: ['已预约', 'booked'], wk_is_past: ['已过去', 'past'], wk_is_maintenance: ['已安排维护', 'maintenance is planned'], wk_is_down: ['停机', 'down'], wk_is_closed: ['不开放，可安排维护', 'closed, free for maintenance'],
  wk_plan: ['安排维护', 'Plan maintenance'], wk_plan_of: ['安排维护：{name}', 'Plan maintenance of {name}'], wk_what: ['做什么', 'What is done'], wk_from: ['开始', 'From'], wk_to: ['结束', 'To'], wk_kind: ['类别', 'Kind'], wk_kind_maintenance: ['维护', 'Maintenance'], wk_kind_engineering: ['工程调试', 'Engineering'], wk_save: ['保存', 'Save'],
  wk_bad_times: ['结束必须晚于开始。', 'The end must lie after the start.'], wk_begins_past: ['开始时间已过去；请选择将来的时间。', 'That begins in the past: choose a time to come.'], wk_clash: ['这段时间内已有 {n} 项预约或计划，请换一段。', '{n} bookings or plans lie within it: choose another time.'], wk_saved: ['已安排：{name}，{time}', 'Planned: {name}, {time}'], wk_refused: ['没有保存：{why}', 'Not saved: {why}'],
  wk_session: ['实测使用', 'Measured use'], wk_booking: ['预约', 'Booking'], wk_measured_h: ['本周使用', 'Used'],
});
