// Why files, and rows of them, are not taken: the service's reasons in the page's words, whatever the file is of.

import { has, learn, t } from './words.js';

/** Why a row is not taken; a newer service's reasons in the service's own words. */
export const refused = ({ reason, about, rule }) => (has(`lacks_${reason}`) ? t(`lacks_${reason}`, about) : rule);

/** Why a whole file is not: what is wrong in it says more than the answer's title. */
export function whyNot(error) {
  const first = error.problem?.errors?.[0];
  return first ? refused(first) : error.message;
}

learn({
  lacks_amount_form: ['{field} 为“{value}”，应为人民币金额，最多两位小数', '{field} is "{value}"; it must be yuan with at most two decimals'],
  lacks_cell_missing: ['{field} 为空，须填写', '{field} is empty; it is wanted'],
  lacks_charset: ['文件不是 {charset} 编码的文本', 'the file is no text in {charset}'],
  lacks_choice: ['{field} 为“{value}”，应为 {choices} 之一', '{field} is "{value}"; it must be one of {choices}'],
  lacks_claim_missing: ['hours 为空；请填写它，或填写 amount_cny 与大于 0 的 unit_price_cny', 'hours is empty; it is wanted, or amount_cny with a unit_price_cny above 0'],
  lacks_claim_too_long: ['申报 {claimed} 小时，超过时段的 {window} 小时', '{claimed} hours are claimed of a window of {window}'],
  lacks_day_and_window: ['day 与 from、to 只能填一种', 'day beside from or to: one of the two is wanted'],
  lacks_day_form: ['day 为“{value}”，应如 2026-03-01', 'day is "{value}"; it must be like 2026-03-01'],
  lacks_end_before_start: ['{end} 须晚于 {start}', '{end} must lie after {start}'],
  lacks_form_silent: ['格式 {form} 没有写明仪器、起止时间与机时', 'the form {form} does not say whose use it is, from when to when, and how long'],
  lacks_form_unnamed: ['XLSX 文件须选择一种表格格式', 'an XLSX file is read by a form; choose one'],
  lacks_header_missing: ['表头缺少 {columns}', 'the header misses {columns}'],
  lacks_header_strange: ['表头有未知的列 {columns}', 'the header has {columns}, which is no column'],
  lacks_header_unnamed: ['表头须写明每一列的名称', 'the header must name each column'],
  lacks_hours_form: ['hours 为“{value}”，应为 0 至时段长度之间的数', 'hours is "{value}"; it must be a number from 0 to the window\'s length'],
  lacks_hours_together: ['{field} 与第 {row} 行合计为 {value} 小时，超过时段的 {most} 小时', '{field}, with that of row {row}, is {value} hours of a window of {most}'],
  lacks_hours_too_long: ['{field} 为 {value} 小时，超过时段的 {most} 小时', '{field} is {value} hours of a window of {most}'],
  lacks_instant_form: ['{field} 为“{value}”，应如 2026-03-01T09:00:00+08:00 或 2026-03-01', '{field} is "{value}"; it must be like 2026-03-01T09:00:00+08:00 or 2026-03-01'],
  lacks_instant_only: ['{field} 为“{value}”，应如 2026-03-01T09:00:00+08:00', '{field} is "{value}"; it must be like 2026-03-01T09:00:00+08:00'],
  lacks_instrument_ambiguous: ['“{value}”指向不止一台本密钥可见的仪器', '"{value}" names more than one instrument that this key may see'],
  lacks_instrument_left: ['所预约的仪器已不属于该来源的机构', 'it books an instrument that is no longer the feed\'s institution\'s'],
  lacks_instrument_missing: ['instrument_id 与 external_id 均为空，须填一项', 'instrument_id and external_id are empty: one of them is wanted'],
  lacks_instrument_unknown: ['本密钥可见的仪器中没有“{value}”', '"{value}" names no instrument that this key may see'],
  lacks_instrument_unnamed: ['没有写明已登记的仪器：请写它的编号，或在导入时指定', 'it names no instrument that is registered: write its id, or name it with the import'],
  lacks_line_form: ['line 为“{value}”，应为 1 至 999999 的整数', 'line is "{value}"; it must be a number from 1 to 999999'],
  lacks_not_an_object: ['不是一个对象', 'it is no object'],
  lacks_not_calendar: ['不是 iCalendar 文本（RFC 5545）', 'it is not iCalendar text (RFC 5545)'],
  lacks_not_csv: ['第 {row} 行起不是 CSV', 'from row {row} on it is no CSV'],
  lacks_not_json: ['不是 JSON', 'it is no JSON'],
  lacks_not_laid_out: ['无法排出它的各次时间', 'its times cannot be laid out'],
  lacks_not_text: ['{field} 应为文字或数字', '{field} must be a text or a number'],
  lacks_not_xlsx: ['不是 XLSX 文件', 'it is no XLSX file'],
  lacks_number_form: ['{field} 为“{value}”，应为 0 至 {most} 的数', '{field} is "{value}"; it must be a number from 0 to {most}'],
  lacks_one_line: ['{field} 应为一行文字', '{field} must be one line of text'],
  lacks_order_of_others: ['该订单属于本密钥不可见的仪器', 'the order is of an instrument that this key may not see'],
  lacks_orders_form: ['应为 {"orders": […]}，每条明细一项', 'it must be {"orders": […]}, a line of an order each'],
  lacks_period_and_window: ['period 与 from、to 只能填一种', 'period beside from or to: one of the two is wanted'],
  lacks_period_form: ['period 为“{value}”，应如 2026、2026-Q1 或 2026-03', 'period is "{value}"; it must be like 2026, 2026-Q1 or 2026-03'],
  lacks_property_missing: ['缺少 {field}', '{field} is missing'],
  lacks_property_twice: ['DTSTART 与 RECURRENCE-ID 只能各有一个', 'DTSTART and RECURRENCE-ID may stand once'],
  lacks_property_unreadable: ['有一行无法读取：{field}', 'a line cannot be read: {field}'],
  lacks_report_words: ['列名至多 64 个字符，内容至多 500 个字符，均须为一行', 'columns have at most 64 signs and cells 500, a line each'],
  lacks_said_before: ['与第 {row} 行说法不同；以第 {row} 行为准', 'says something else than row {row}, which counts'],
  lacks_series_too_long: ['重复超过 {most} 次', 'it takes place more than {most} times'],
  lacks_strange_field: ['有未知字段“{field}”', 'it has "{field}", which is no field'],
  lacks_text_form: ['{field} 为“{value}”，应为 1 至 64 个字符', '{field} is "{value}"; it must be a text of 1 to 64 signs'],
  lacks_text_too_long: ['{field} 有 {length} 个字符，至多 {most} 个', '{field} has {length} signs; at most {most}'],
  lacks_texts_form: ['{field} 应为 JSON 对象，至多 {most} 项，值均为文字', '{field} must be a JSON object of at most {most} texts'],
  lacks_time_form: ['{field} 为“{value}”，应为真实存在的时间，写作 {form}', '{field} is "{value}"; it must be a time that exists, written {form}'],
  lacks_too_large: ['解压后超过 {most} MiB，请分成几个文件', 'it unpacks to more than {most} MiB; send it in several files'],
  lacks_too_many_rows: ['超过 {most} 行，请分成几个文件', 'more than {most} rows; send them in several files'],
  lacks_two_decimals: ['{field} 为“{value}”，人民币最多两位小数', '{field} is "{value}"; yuan have two decimals'],
  lacks_uid_form: ['UID 应为至多 {most} 个可显示的字符', 'UID must have at most {most} printable signs'],
  lacks_unit_form: ['user_unit 应为一行，至多 200 个字符', 'user_unit must be a line of at most 200 signs'],
  lacks_unreadable: ['无法读取', 'it cannot be read'],
  lacks_user_type: ['user_type 为“{value}”，应为 internal 或 external', 'user_type is "{value}"; internal or external is meant'],
  lacks_whole_number: ['{field} 为“{value}”，应为 0 至 {most} 的整数', '{field} is "{value}"; it must be a whole number from 0 to {most}'],
  lacks_window_backwards: ['to（{end}）须晚于 from（{start}）', 'to ({end}) must lie after from ({start})'],
  lacks_window_length: ['时段至多 366 天，且在 1970 至 2199 年之间', 'the window must be 366 days at most, within the years 1970 to 2199'],
});
