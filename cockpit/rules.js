// The rules that make figures out of heartbeats, a line each, by their numbers. The API says them in
// English, to programs; whoever reads the page reads them in the page's language.

import { has, learn, t } from './words.js';

/** A rule in words; one that the page does not know, as the API says it. */
export const ruleText = (number, said) => (has(`rule_${number}`) ? t(`rule_${number}`) : said);

learn({
  rule_1: ['心跳的状态一直有效，直到下一条心跳、保持时间结束或现在，以最先者为准', 'A heartbeat credits its state until the next one, its hold or now, whichever is first'],
  rule_2: ['没有心跳确认的时间为未知，既不算关机也不算运行', 'Time that no heartbeat credits is unknown, never off and never running'],
  rule_3: ['每台仪器每一时刻只取一条心跳：先取使用较少的状态，再取上报间隔较短的', 'One heartbeat per instrument and time: the lesser use, then the shorter interval wins'],
  rule_4: ['相邻窗口的数字相加等于整个窗口', 'Neighbouring windows add up'],
  rule_5: ['窗口开始之前的状态延续进来；窗口的结束不晚于现在', 'State carries over the window\'s start; its end is clipped to now'],
  rule_8: ['数字采用网关校正后的时间', 'Figures use the gateway\'s corrected time'],
  rule_9: ['序号和启动标识与前一条相同的心跳是重复的旧数据', 'A heartbeat with the sequence number and boot of the one before it is a stale repeat'],
  rule_10: ['保留消息和历史心跳计入数字，但不表示仪器在线', 'Retained and historical heartbeats count, but keep nothing alive'],
  rule_11: ['会话把空闲间隔两侧的运行连在一起；关机和未知使会话分开', 'Sessions join running time over idle gaps; off and unknown part them'],
  rule_12: ['计时器是独立的佐证', 'The hour meter is an independent witness'],
  rule_13: ['日与小时按当地时间划分', 'Days and hours are local'],
  rule_14: ['未知时间取第一个符合的原因：尚无心跳、采集服务未在接收、网关离线、设备没有上报', 'Unknown time has the first cause that fits: no heartbeat yet, nobody listening, its gateway off, the device silent'],
  rule_15: ['适用心跳时刻生效的那一版设置', 'The version of a setting in force at the heartbeat\'s time applies'],
  rule_16: ['只报功率的样本按功率规则判定；太短的一段沿用前一状态', 'A sample counts as its power rule has it; a run too short counts as the state before it'],
});
