// What each kind of alert is called, means, and asks for next, in people's words. Of a kind that is
// not here its own name is shown.

import { count, moment, percent } from '../formats.js';
import { href } from '../route.js';
import { store } from '../store.js';
import { lang, t } from '../words.js';

/**
 * By kind: of what, [title], [what it means], [what to do next]; Chinese, then English.
 * @type {Record<string, {of: 'institution' | 'gateway' | 'instrument' | 'feed' | 'city', title: [string, string], means: [string, string], next: [string, string]}>}
 */
const KINDS = {
  institution_silent: {
    of: 'institution', title: ['机构沉默', 'Institution silent'],
    means: ['这家机构的仪器全部收不到数据已满十分钟；其网关和仪器不再另报。', 'Nothing of this institution has been heard for ten minutes; its gateways and instruments are part of this alert.'],
    next: ['先看是否停电、断网或放假搬迁，再联系机构。设备恢复发送五分钟后自动关闭。', 'A power cut, the network, a holiday, a move? Ask the institution. It closes by itself once it is heard for five minutes.'],
  },
  gateway_silent: {
    of: 'gateway', title: ['网关沉默', 'Gateway silent'],
    means: ['这个网关后面的仪器全部收不到数据已满十分钟；这些仪器不再另报。', 'Nothing behind this gateway has been heard for ten minutes; its instruments are part of this alert.'],
    next: ['打开网关页，看它最后说了什么：遗嘱通知多为断电或断网，正常下线多为人为关闭。然后请现场检查电源和网络。', 'Its page says what it said last: a will means power or network, its own word that somebody switched it off. Then have power and network looked at.'],
  },
  instrument_silent: {
    of: 'instrument', title: ['仪器沉默', 'Instrument silent'],
    means: ['网关正常，但这台仪器的采集设备已有一小时没有数据。', 'Its gateway speaks, but the device on this instrument has not for an hour.'],
    next: ['检查采集设备的供电、信号和电池；若仪器在检修，请登记维护时段，告警会随之关闭。', 'Look at the device: power, signal, battery. If the instrument is being serviced, enter the maintenance, and the alert closes.'],
  },
  booking_feed_failing: {
    of: 'feed', title: ['预约来源失败', 'Booking feed failing'],
    means: ['预约日历的地址读不到，或一次少了一半以上的预约；已有预约保持原样。', 'The calendar\'s address cannot be read, or lost over half of its bookings at once; those that are here stay.'],
    next: ['请提供地址的人确认它是否更换；在“核对”页可看到失败原因。', 'Ask who gave the address whether it moved; Reconcile shows why it fails.'],
  },
  gateway_unknown_rising: {
    of: 'gateway', title: ['网关未知时间上升', 'Unknown time rises'],
    means: ['昨天这个网关后面的未知时间占比，明显高于它近四周（含同一星期几）的平常水平。沉默告警说过的仪器不计在内。', 'Yesterday\'s share of unknown time behind this gateway was far above its own last four weeks, and above that weekday\'s. Instruments that an alert of silence told of are left out.'],
    next: ['打开网关页看原因：“网关离线”查电源和网络；“设备没有上报”查采集设备、信号和上报间隔。', 'Its page tells the causes: “gateway off” is power or network, “device” is what stands behind it: cables, signal, batteries, intervals.'],
  },
  institution_unknown_rising: {
    of: 'institution', title: ['机构未知时间上升', 'Unknown time rises'],
    means: ['昨天这家机构有多个网关的未知时间一起上升，整体明显高于近四周的平常水平。', 'Yesterday several gateways of this institution had more unknown time, and all of it together is far above its last four weeks.'],
    next: ['多半是共同原因，如园区网络或停电；从它的各网关页核对时间，再联系机构。', 'Most likely one cause, such as the campus\' network: compare its gateways\' pages, then ask the institution.'],
  },
  gateway_dead_letters: {
    of: 'gateway', title: ['死信激增', 'Many dead letters'],
    means: ['这个网关一小时内有大量消息无法接收；它们保存在死信里，没有丢失。', 'Many of this gateway\'s messages could not be taken within an hour. They are kept as dead letters, none is lost.'],
    next: ['按原因处理：未知仪器要先登记，时钟错误要校时，格式错误要查固件；改好后在“运行状况”重放。', 'By the reason: register what is unknown, set its clock, look at its firmware; then replay them on Health.'],
  },
  institution_dead_letters: {
    of: 'institution', title: ['机构死信激增', 'Many dead letters'],
    means: ['这家机构多个网关同时有大量消息无法接收，多半是同一原因。', 'Many messages of several gateways of this institution could not be taken: most likely one cause.'],
    next: ['先看最多的原因；常见的是批量更换编号或固件。改好后统一重放。', 'Look at the commonest reason first: new ids or firmware everywhere, as a rule. Mend it, then replay all.'],
  },
  instrument_meter_disagrees: {
    of: 'instrument', title: ['计时器不符', 'Meter disagrees'],
    means: ['最近一个完整日里，设备自己的计时器（或电表）与上报的状态相差超过容许。', 'On the newest complete day the device\'s own hour meter, or its energy meter, and its states differ by more than is allowed.'],
    next: ['在仪器页对照当天的状态与功率：互感器装错相、功率规则不合适、计时器属于别的机器，都会如此。', 'Hold that day\'s states against its power: a clamp on the wrong phase, a power rule that does not fit, another machine\'s meter.'],
  },
  gateway_meters_disagree: {
    of: 'gateway', title: ['多台计时器不符', 'Meters disagree'],
    means: ['这个网关后面一半以上带计时器的仪器与上报的状态不符，多半是同一原因。', 'Half or more of the metered instruments behind this gateway disagree with their states: most likely one cause.'],
    next: ['查映射和单位（小时、秒、千瓦时），以及最近是否统一改过功率规则。', 'Look at the mapping and its units (hours, seconds, kWh), and whether power rules were changed for all of them.'],
  },
  maintenance_due: {
    of: 'instrument', title: ['维护到期', 'Maintenance due'],
    means: ['按实测运行时间或日期，这台仪器的一项维护计划已经到期。', 'By measured running time or by date, a maintenance plan of this instrument is due.'],
    next: ['安排维护；做完后登记“已完成”，重新计数，告警随之关闭。', 'Have it done, and say so: counting begins anew, and the alert closes.'],
  },
  accepted_silent: {
    of: 'instrument', title: ['验收后无数据', 'Accepted, never heard'],
    means: ['这台仪器验收已满三十天，却从未收到过数据。', 'This instrument was accepted thirty days ago or more, and nothing of it was ever heard.'],
    next: ['安装采集设备并绑定网关，看到第一条数据后告警自动关闭；若验收日期有误，请更正。', 'Have its device fitted and bound to a gateway: the first heartbeat closes this. Or correct the date of its acceptance.'],
  },
  city_away: {
    of: 'city', title: ['城市失联', 'City away'],
    means: ['很久没有收到这座城市签名的数据；它的数字停在当时。', 'Nothing that this city signed has come for long; its figures are as of then.'],
    next: ['查两地之间的网络，以及该市的发布程序是否在运行。', 'Look at the network between, and whether that city still publishes.'],
  },
};

const pick = (pair) => pair[lang() === 'zh' ? 0 : 1];

export const KIND_NAMES = Object.keys(KINDS);
/** Whether this service can tell of it: a follower of its cities alone, a city of all else. */
export const mayStandHere = (kind) => (KINDS[kind]?.of === 'city') === store.config.follower;
export const kindTitle = (kind) => (KINDS[kind] ? pick(KINDS[kind].title) : kind);
export const kindMeans = (kind) => (KINDS[kind] ? pick(KINDS[kind].means) : '');
export const kindNext = (kind) => (KINDS[kind] ? pick(KINDS[kind].next) : '');
/** In a list of kinds: gateways' and institutions' are called alike. */
export const kindChoice = (kind) => (KINDS[kind] && ['institution', 'gateway'].includes(KINDS[kind].of) ? `${kindTitle(kind)} · ${t(KINDS[kind].of)}` : kindTitle(kind));

/** What a kind is of; undefined of one that is not here. */
export const ofWhat = (alert) => KINDS[alert.kind]?.of;

/** Where the subject has a page of its own; null where it has none. */
export function subjectHref(alert) {
  switch (KINDS[alert.kind]?.of) {
    case 'instrument': return href('instrument', {}, alert.subject_id);
    case 'gateway': return href('gateway', {}, alert.subject_id);
    case 'institution': return href('explore', { by: 'instrument', institution: alert.subject_id });
    case 'feed': return href('reconcile');
    default: return null;
  }
}

/** What an alert says beside its kind, in one line; empty where there is no more. */
export function detailText({ detail: d, instruments }, tz) {
  if (d.share !== undefined) return t('al_share', { share: percent(d.share), usual: percent(d.usual), day: moment(d.from, tz, { hour: undefined, minute: undefined }) });
  if (d.accepted_on !== undefined) return t('al_accepted', { day: d.accepted_on });
  if (d.letters !== undefined) return t('al_letters', { n: count(d.letters), reason: t(d.reason), bound: count(d.bound) });
  if (d.plan !== undefined) return t(`al_due_${d.due_by}`, { plan: d.plan, time: moment(d.due_at, tz, { year: 'numeric' }) });
  if (d.meter !== undefined) return t(`al_meter_${d.meter}`);
  if (d.parts !== undefined) return t('al_parts', { k: count(d.parts), n: count(d.of) });
  if (d.failure) return String(d.failure);
  return instruments ? t('al_instruments', { n: count(instruments) }) : '';
}
