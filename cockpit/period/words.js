// Words of the choice of a period, and of what it is held against.

import { learn } from '../words.js';

learn({
  pd_more: ['选择时段', 'Pick a period'], pd_title: ['时间范围', 'Period'], pd_year: ['{y} 年', '{y}'], pd_earlier: ['上一年', 'Year before'], pd_later: ['下一年', 'Year after'],
  pd_month: ['{y} 年 {m} 月', '{name} {y}'], pd_quarter: ['{y} 年第 {q} 季度', 'Quarter {q} of {y}'], pd_quarter_short: ['第 {q} 季度', 'Quarter {q}'],
  pd_school: ['{y}–{z} 学年', 'School year {y}–{z}'], pd_term_1: ['{y}–{z} 学年秋季学期', 'Autumn term of {y}–{z}'], pd_term_2: ['{y}–{z} 学年春季学期', 'Spring term of {y}–{z}'], pd_term_short_1: ['秋季学期', 'Autumn term'], pd_term_short_2: ['春季学期', 'Spring term'], pd_days: ['{from} 至 {to}', '{from} to {to}'],
  pd_last_day: ['昨天', 'Yesterday'], pd_last_month: ['上月', 'Last month'], pd_last_year: ['去年', 'Last year'], pd_day: ['某一天', 'A day'],
  pd_months: ['月份', 'Months'], pd_longer: ['季度与年', 'Quarters and years'], pd_any: ['任意日期', 'Any days'], pd_first: ['第一天', 'First day'], pd_last: ['最后一天', 'Last day'], pd_show: ['显示', 'Show'],
  pd_backwards: ['第一天 {from} 在最后一天 {to} 之后：请调换。', 'The first day {from} is after the last one {to}: exchange them.'],
  pd_unread: ['地址中的时间范围 {x} 无法识别，显示的是 {y}。', 'The address asks for the period {x}, which is none; what is shown is {y}.'],
  pd_compare: ['对比', 'Compare'], pd_with_nothing: ['不对比', 'With nothing'], pd_previous: ['上一时段', 'Period before'], 'pd_last-year': ['去年同期', 'Same of last year'],
  pd_change: ['{name} 变化', '{name}, change'], pd_against: ['对比 {from} – {to}', 'against {from} – {to}'], pd_was: ['当时 {x}', 'then {x}'], pd_new: ['对比时段没有数据', 'nothing to compare with'],
  pd_falls: ['{name}：降得最多在前', '{name}: largest fall first'], pd_moves: ['截至 {time}，近期数字仍可能变化', 'As of {time}; the latest may still change'],
  pd_by_institution: ['按机构分析 →', 'By institution →'],
});
