// Words about coverage of sensors and the life cycle, learnt with what shows them.

import { learn } from '../words.js';

learn({
  sensors: ['传感器覆盖', 'Sensor coverage'], sensors_note: ['已登记的仪器中，装了采集设备的，和近 {n} 天有数据的', 'Of the listed instruments, those fitted with a device, and those heard within {n} days'],
  sensors_listed: ['已登记', 'Listed'], sensors_fitted: ['已安装', 'Fitted'], sensors_speaking: ['有数据', 'Speaking'],
  sensors_listed_is: ['已登记、已验收或在用，且未退役', 'Registered, accepted or in service, and not retired'],
  sensors_fitted_is: ['其中：网关在用，且有过数据或指明了采集设备', 'Of these: the gateway is in service, and was heard or names a device'],
  sensors_speaking_is: ['其中：近 {n} 天里有已知时间', 'Of these: some time of the last {n} days is known'],
  sensors_goal: ['目标 {p}，还差 {n} 台', 'Target {p}: {n} to go'], sensors_met: ['目标 {p}，已达到', 'Target {p}: met'], sensors_target: ['目标', 'Target'],
  sensors_by: ['分组', 'Group by'], sensors_all: ['← 全市', '← Whole city'], sensors_share: ['有数据占比', 'Speaking share'],
  life_cycle: ['生命周期', 'Life cycle'], life_planned: ['计划', 'Planned'], life_accepted: ['已验收', 'Accepted'], life_in_service: ['在用', 'In service'], life_suspended: ['停用', 'Suspended'], life_retired: ['退役', 'Retired'],
  life_since: ['自 {day}', 'since {day}'], life_undated: ['没有日期：一直在用', 'No dates: it always served'], life_state: ['状态', 'State'], life_on: ['起始日', 'From'],
});
