// Words in Chinese and English. Numbers and times are in formats.js.

const WORDS = {
  brand: ['机时', 'Jishi'],
  city: ['全市', 'City'], instrument: ['仪器', 'Instrument'],
  skip: ['跳到内容', 'Skip to content'], pages: ['页面', 'Pages'],
  theme_dark: ['切换到深色', 'Switch to dark'], theme_light: ['切换到浅色', 'Switch to light'],
  language: ['English', '中文'], sign_out: ['退出', 'Sign out'],
  sign_in: ['登录', 'Sign in'], sign_in_text: ['用管理员给您的密钥登录。浏览器不保存密钥，只保存一个会到期的登录凭证。', 'Sign in with the key that your operator gave you. The browser does not keep it, only a pass that ends.'],
  sign_ins: ['已登录的浏览器', 'Signed-in browsers'], sign_ins_note: ['闲置或到期后自动结束；结束后需重新登录', 'Each ends by itself, unused or at its time; whoever is put out signs in anew'], came_from: ['来自', 'From'], browser: ['浏览器', 'Browser'], signed_in_at: ['登录', 'Signed in'], last_used: ['最近使用', 'Last used'], ends_at: ['到期', 'Ends'], this_one: ['本浏览器', 'This one'], end: ['结束', 'End'], end_of: ['结束：{name}', 'End: {name}'],
  key: ['密钥', 'Key'], remember: ['在这台设备上保持登录（例如墙上的大屏）', 'Stay signed in on this device, such as a screen on the wall'],
  bad_key: ['密钥不存在、已过期或已撤销。', 'The key is unknown, expired or revoked.'],
  search: ['查找仪器、机构或网关', 'Find instrument, institution or gateway'], no_match: ['没有匹配的仪器', 'No instrument matches'],
  offline_banner: ['与服务的连接已断开，显示的是 {time} 的数据，正在重连…', 'The service cannot be reached. Figures are of {time}; reconnecting…'],
  stale_banner: ['数据库暂时没有响应，显示的是 {time} 的数据。', 'The database does not answer; figures are of {time}.'],
  back: ['连接已恢复', 'Connected again'],
  live: ['实时', 'Live'], as_of: ['截至 {time}', 'as of {time}'],
  loading: ['正在读取…', 'Loading…'], failed: ['读取失败：{why}', 'Could not load: {why}'], retry: ['重试', 'Try again'],
  more_rows: ['显示更多（已列出 {k} / {n}）', 'Show more ({k} of {n} listed)'],
  empty: ['这个范围内没有数据', 'Nothing in this range'], empty_city: ['还没有登记仪器', 'No instruments are registered yet'],
  empty_city_text: ['用 jishi registry import 或 POST /v1/registry/import 登记机构、网关和仪器。', 'Register institutions, gateways and instruments with jishi registry import or POST /v1/registry/import.'],
  import_file: ['CSV 文件', 'CSV file'], import_send: ['导入', 'Import'],
  import_created: ['新增', 'New'], import_updated: ['更改', 'Changed'], import_unchanged: ['未变', 'Unchanged'], import_rejected: ['未导入', 'Not taken'], import_row: ['行', 'Row'], import_left_out: ['另有 {n} 行未列出', '{n} more are not listed'],
  pick_file: ['选择…', 'Choose…'], no_file: ['未选择文件', 'No file chosen'], csv: ['导出 CSV', 'Export CSV'], more: ['显示更多', 'Show more'], close: ['关闭', 'Close'], show_table: ['以表格显示', 'Show as table'],
  instruments: ['仪器', 'Instruments'], n_instruments: ['{n} 台仪器', '{n} instruments'],
  connectivity: ['连接', 'Connectivity'], activity: ['活动', 'Activity'],
  online: ['在线', 'Online'], offline: ['离线', 'Offline'], never_seen: ['从未上报', 'Never seen'],
  running: ['运行', 'Running'], idle: ['空闲', 'Idle'], off: ['关机', 'Off'], unknown: ['未知', 'Unknown'],
  online_rate: ['在线率', 'Online rate'], running_now: ['正在运行', 'Running now'], running_share: ['运行占比', 'Running share'],
  value_covered: ['覆盖资产', 'Asset value covered'], hours_today: ['今日机时', 'Machine-hours today'],
  coverage: ['覆盖率', 'Coverage'], coverage_today: ['今日数据覆盖率', 'Coverage today'],
  of_value: ['占登记总值 {v}', 'of {v} registered'],
  window_days: ['{from} – {to}，共 {n} 个完整自然日', '{from} – {to}, {n} complete days'], window_today: ['{from} 零时至今', '{from}, from midnight to now'], see_today: ['看今天', 'See today'],
  others: ['其余', 'Others'], tiles_shown: ['显示机时最多的 {n} 组，其余合为一块', 'The {n} with most hours; the rest is one tile'], mean_note: ['{n} 台覆盖率达标仪器各自利用率的平均', 'Mean of the {n} sufficient instruments\' own ratios'],
  whole_city: ['返回全市', 'The whole city'], zoom_in: ['放大', 'Zoom in'], zoom_out: ['缩小', 'Zoom out'], open_in_explore: ['在分析中打开 →', 'Open in Explore →'], spot_note: ['正在运行 / 仪器数', 'Running now / instruments'],
  target_met: ['目标 {p}，超出 {d}', 'target {p}, {d} above'], target_missed: ['目标 {p}，还差 {d}', 'target {p}, {d} below'],
  map: ['区域地图', 'Map of the districts'], metric: ['指标', 'Figure'], utilization: ['利用率', 'Utilization'],
  institutions: ['机构', 'Institutions'], show_institutions: ['显示机构', 'Institutions as bubbles'],
  map_source: ['底图为示意，坐标系 {datum}', 'Boundaries are indicative, datum {datum}'], tiles: ['示意方格图', 'Schematic tiles'],
  bands: ['利用率达标', 'Utilization bands'], band_above: ['高于 {p}', 'Above {p}'], target: ['目标 {p}', 'target {p}'], actual: ['实际', 'actual'],
  bands_note: ['有效机时 ÷ 额定机时；仅计覆盖率达标的 {k} / {n} 台', 'Effective ÷ rated hours, over the {k} of {n} instruments with sufficient coverage'],
  not_enough: ['覆盖率达标的仪器为 0，不作评判', 'No instrument has sufficient coverage: nothing is banded'],
  trend: ['机时与利用率趋势', 'Trend'], trend_months: ['近 12 个月', '12 months'], trend_days: ['近 14 天（历史不足三个月）', '14 days (history is shorter than three months)'],
  machine_hours: ['机时', 'Machine-hours'], districts: ['各区', 'Districts'],
  range: ['时间范围', 'Window'], today: ['今天', 'Today'], d7: ['7 天', '7 days'], d30: ['30 天', '30 days'], d90: ['90 天', '90 days'], d365: ['12 个月', '12 months'],
  group_by: ['分组', 'Group by'], district: ['区', 'District'], institution: ['机构', 'Institution'], class_major: ['大类', 'Major class'], class: ['类别', 'Class'], gateway: ['网关', 'Gateway'],
  kind: ['设备性质', 'Kind'], general: ['通用', 'General'], special: ['专用', 'Special'], all: ['全部', 'All'], none: ['未注明', 'Not stated'],
  basis: ['达标口径', 'Basis of bands'], rated: ['额定', 'Rated'], calendar: ['日历', 'Calendar'], scheduled: ['开放时间', 'Scheduled'], powered: ['开机', 'Powered'], known: ['已知', 'Known'],
  sort: ['排序', 'Sort by'], min_coverage: ['最低覆盖率', 'Minimum coverage'], view: ['视图', 'View'],
  ranking: ['排名', 'Ranking'], treemap: ['矩形树图', 'Treemap'], heatmap: ['周热力图', 'Week by hour'], by_hours: ['按机时', 'By hours'], by_value: ['按价值', 'By value'],
  size: ['面积', 'Size'], below_coverage: ['{n} 组覆盖率不足，不参与排名', '{n} groups have too little coverage and are not ranked'],
  drill: ['下钻到 {name}', 'Drill down into {name}'], remove_filter: ['去掉筛选：{name}', 'Remove filter: {name}'], filters: ['筛选', 'Filters'],
  heat_note: ['仪器在一周各小时的运行占已知时间的比例', 'Share of known time in which instruments ran, by hour of the local week'],
  mean: ['均值', 'Mean'], mean_utilization: ['平均利用率', 'Mean utilization'], calendar_utilization: ['日历利用率', 'Calendar utilization'], utilization_high: ['利用率上界', 'Utilization, upper bound'],
  powered_utilization: ['开机利用率', 'Powered utilization'], scheduled_utilization: ['开放时间利用率', 'Scheduled utilization'], rated_utilization: ['额定利用率', 'Rated utilization'],
  window_s: ['窗口', 'Window'], running_s: ['运行', 'Running'], idle_s: ['空闲', 'Idle'], off_s: ['关机', 'Off'], unknown_s: ['未知', 'Unknown'], known_s: ['已知', 'Known'], powered_s: ['开机', 'Powered'],
  scheduled_s: ['开放时间', 'Opening hours'], running_scheduled_s: ['开放时间内运行', 'Running within opening hours'], effective_s: ['有效机时', 'Effective'], session_idle_s: ['会话内空闲', 'Idle within sessions'], rated_s: ['额定机时', 'Rated'], counter_running_s: ['计时器', 'Hour meter'],
  sufficient: ['覆盖率达标', 'Sufficient'], insufficient: ['覆盖率不足', 'Insufficient coverage'], provisional: ['近期数字仍可能变化', 'May still change'], revision: ['修订', 'Revision'], name: ['名称', 'Name'], id: ['编号', 'Id'],
  of_n: ['{k} / {n} 台覆盖率达标，{m} 台从未上报', '{k} of {n} instruments sufficient, {m} never seen'],
  power_rule: ['功率规则', 'Power rule'], power_rule_note: ['拖动阈值，或用方向键移动，看机时如何变化；确认之前不写入任何内容。', 'Move thresholds by pointer or arrow keys and see the hours; nothing is set before you say so.'], no_samples: ['该时段没有只报功率的样本', 'No samples of power in this window'],
  power_histogram: ['各功率所占时间', 'Time by power'], off_below_w: ['低于此为关机（W）', 'Off below (W)'], run_until_w: ['低于此为空闲（W）', 'Idle below (W)'], run_from_w: ['达到此为运行（W）', 'Running from (W)'],
  dwell_start_s: ['运行至少持续（秒）', 'Running lasts at least (s)'], dwell_stop_s: ['停顿至少持续（秒）', 'A pause lasts at least (s)'], silence_s: ['在线静默保持（秒）', 'Held while online (s)'],
  in_force: ['现行', 'In force'], proposed: ['拟定', 'Proposed'], difference: ['差', 'Difference'], set_rule: ['设定规则', 'Set the rule'], valid_from: ['生效时间', 'Valid from'],
  from_now: ['从现在起', 'From now on'], from_window: ['追溯', 'Back-dated'], rule_from_now: ['过去的数字不变。', 'Figures of the past stay as they are.'], rule_back_dated: ['自 {time} 起重新计算：', 'What is stored counts anew from {time} on:'], rule_is_set: ['规则已设定；追溯部分稍后更新。', 'The rule is set; back-dated figures follow shortly.'],
  status: ['当前状态', 'Status'], since: ['自 {time}', 'since {time}'], last_heartbeat: ['最近心跳', 'Last heartbeat'], received: ['收到', 'Received'], power: ['功率', 'Power'], skew: ['时钟偏差', 'Clock skew'],
  cause: ['原因', 'Cause'], cause_before_first: ['尚无心跳', 'no heartbeat yet'], cause_collector: ['采集服务未在接收', 'nobody was listening'], cause_gateway: ['网关离线', 'its gateway is off'], cause_device: ['设备没有上报', 'the device is silent'], cause_clock: ['设备时钟错误', 'its clock is wrong'],
  flags: ['标记', 'Flags'], flag_clock_future: ['时钟超前', 'clock ahead'], flag_stale_repeat: ['重复旧数据', 'repeats itself'], flag_unsequenced: ['无序号', 'unsequenced'], flag_counter_disagrees: ['计时器不符', 'hour meter disagrees'], flag_energy_disagrees: ['运行但无耗电', 'runs without energy'],
  timeline: ['状态时间线', 'State timeline'], timeline_hint: ['拖动下方滑块，或按住 Ctrl 滚动来缩放', 'Drag the slider below, or scroll with Ctrl, to zoom'], power_curve: ['功率曲线', 'Power'], power_window: ['近 24 小时', 'last 24 hours'],
  sessions: ['使用会话', 'Sessions'], from: ['开始', 'From'], to: ['结束', 'To'], length: ['时长', 'Length'], by_day: ['每日利用', 'Use by day'], calendar_heat: ['全年日历', 'Calendar'], maintenance: ['维护', 'Maintenance'], maintenance_of: ['到期、停机与评价 →', 'Due, downtime, feedback →'], opening_hours: ['开放时间', 'Opening hours'], reason: ['原因', 'Reason'],
  no_hours: ['未设置（沿用机构的开放时间，若有）', 'Not set here (its institution\'s apply, if any)'], holidays: ['节假日', 'Holidays'], closed: ['不开放', 'closed'], as_weekday: ['按平日', 'as weekdays'], open: ['开放', 'open'],
  explain: ['解释这个数字', 'Explain this figure'], explain_text: ['这个数字由下列时间段和心跳得出。', 'The segments and heartbeats that make this figure.'], came_after: ['{time} 之后收到的心跳：{n}', 'Heartbeats received after {time}: {n}'], rules: ['规则', 'Rules'], segments: ['时间段', 'Segments'], heartbeats: ['心跳', 'Heartbeats'], raw: ['原始心跳', 'Raw heartbeats'], state: ['状态', 'State'],
  details: ['登记信息', 'Registered'], value: ['原值', 'Value'], acquired: ['购置', 'Acquired'], model: ['型号', 'Model'], manufacturer: ['生产厂家', 'Manufacturer'], device: ['采集设备', 'Device'], serves: ['所在', 'At'], ratios: ['全部比率', 'All ratios'], day: ['日期', 'Day'], conflict_none: ['无', 'none'],
  near: ['靠近', 'Near'], here: ['我的位置', 'My place'], here_fail: ['无法取得位置', 'Your place is not known'], distance: ['距离', 'Distance'], usual_free: ['通常空闲', 'Usually free'], unmapped_of: ['{name}：无人接收的设备消息', '{name}: what its devices say that nobody takes'], unmapped_devices: ['未绑定设备', 'Unbound devices'], unmapped_note: ['近一天内没有映射或仪器接收的消息；选一台仪器即可绑定。', 'Messages of the last day that no mapping or no instrument took; choose an instrument to bind one.'], unmapped_none: ['近一天内没有未绑定的设备消息', 'In the last day its devices said nothing that nobody took'], no_mapping_reads: ['没有映射能读懂它', 'No mapping reads it'], n_messages: ['{n} 条消息', '{n} messages'], is_bound: ['已绑定到 {name}', 'bound to {name}'], has_source: ['已有来源', 'has a source'], bind: ['绑定', 'Bind'], show: ['查看', 'Show'], no_usual: ['近四周无记录', 'no record of the last four weeks'],
  gateways: ['网关', 'Gateways'], gateways_online: ['网关在线', 'Gateways online'], gateways_all: ['列出全部 {n} 个，最差的在前', 'All {n}, the worst first'], gateways_more: ['列出最差的 {n} 个，还有更多', 'The worst {n}; there are more'], gateways_none: ['没有离线的网关', 'No gateway is offline'], session: ['MQTT 会话', 'MQTT session'], by_will: ['遗嘱通知', 'by its will'], children: ['所带仪器', 'Instruments'], silent: ['沉默的仪器', 'Silent instruments'], silent_note: ['离线仪器，按编号，至多 {n} 台', 'Instruments that are offline, by id, at most {n}'], dead_letters: ['死信', 'Dead letters'], dead_note: ['未重放共 {all} 条，列出最近 {n} 条', '{all} not replayed, the newest {n} below'], letters: ['条数', 'Letters'], replayable: ['可重放', 'Can be replayed'], count: ['数量', 'Count'], replay: ['重放', 'Replay'], replay_all: ['重放这些', 'Replay these'], replayed: ['已重放', 'Replayed'], requested: ['已请求', 'Requested'], lag: ['接收延迟', 'Ingest lag'], lag_note: ['服务器时间 − 最近一次收到心跳的时间', 'Server time less the newest receipt'], max_skew: ['最大时钟偏差', 'Largest skew'], skew_note: ['收到时间 − 设备时间，每网关十分钟最小值', 'Receipt less device time, each gateway\'s smallest in ten minutes'], no_scope: ['这把密钥无权查看', 'This key may not see this'], none_silent: ['没有沉默的仪器', 'No instrument is silent'], none_dead: ['没有死信', 'No dead letters'], detail: ['说明', 'Detail'], never: ['从未', 'never'], signed_as: ['已登录：{name}', 'Signed in as {name}'], occurrences: ['次数', 'Occurrences'],
  too_large: ['过大', 'too large'], malformed: ['格式错误', 'malformed'], out_of_range: ['超出范围', 'out of range'], unknown_gateway: ['未知网关', 'unknown gateway'], unknown_instrument: ['未知仪器', 'unknown instrument'], wrong_gateway: ['网关不符', 'wrong gateway'], clock_future: ['时钟超前', 'clock ahead'], too_old: ['过旧', 'too old'], conflict: ['冲突', 'conflict'], unmapped: ['未映射', 'unmapped'],
  place: ['位置（经度, 纬度）', 'Place (longitude, latitude)'], zone: ['时区', 'Time zone'], device_time: ['设备时间', 'Device\'s time'], sequence: ['序号', 'Sequence'], boot: ['启动', 'Boot'],
  points: ['{n} 个百分点', '{n} points'], target_of_year: ['全年目标 {p}', 'target of a year {p}'], judge_year: ['按 12 个月评判 →', 'Judge it on 12 months →'],
  no_page: ['没有这个页面', 'There is no such page'], no_page_text: ['地址 {path} 不指向任何页面。', 'Nothing stands at {path}.'], to_city: ['到全市 →', 'Go to City →'],
  no_instrument: ['没有编号为 {id} 的仪器，或这把密钥无权查看。', 'There is no instrument {id}, or this key may not see it.'], find_one: ['可在上方按名称、机构或网关查找。', 'Search above by name, institution or gateway.'],
  columns: ['显示的指标', 'Figures shown'], more_figures: ['更多指标', 'More figures'], below_shown: ['列出的 {all} 组中有 {n} 组覆盖率不足，不参与排名', '{n} of the {all} groups listed have too little coverage and are not ranked'],
  yes: ['是', 'Yes'], no: ['否', 'No'], foot: ['每个数字都来自 API 的同一个问题；鼠标悬停可见窗口、分母与覆盖率。', 'Every number is the API\'s answer to the same question; hover to see its window, denominator and coverage.'],
};

export const lang = () => (document.documentElement.lang.startsWith('zh') ? 'zh' : 'en');

export function t(key, params = {}) {
  const pair = WORDS[key];
  if (!pair) return key;
  return pair[lang() === 'zh' ? 0 : 1].replace(/\{(\w+)\}/g, (_, name) => params[name] ?? '');
}

/** A page's own words, learnt with the page: the first paint waits for none of them. */
export const learn = (words) => { Object.assign(WORDS, words); };

export const has = (key) => key in WORDS;

export function setLanguage(to) {
  document.documentElement.lang = to === 'zh' ? 'zh-CN' : 'en';
  try { localStorage.setItem('jishi.lang', document.documentElement.lang); } catch { /* private mode */ }
}
