// Words of what a follower shows of its cities.

import { learn } from '../words.js';

learn({
  fo_cities: ['城市', 'Cities'], fo_city: ['城市', 'City'], fo_regions: ['区域', 'Regions'], fo_region: ['区域', 'Region'], fo_no_region: ['未归入区域', 'No region'],
  fo_window: ['{name}，各城市已公布的数字', '{name}, as the cities published it'],
  fo_of: ['{k} / {n}', '{k} of {n}'], fo_of_cities: ['{k} / {n} 座城市', '{k} of {n} cities'], fo_answering: ['{k} 座已公布，{m} 座失联', '{k} published, {m} away'],
  fo_running: ['正在运行', 'Running'], fo_last_word: ['以各城市最近一次签名为准', 'as each city last signed it'],
  fo_away: ['失联', 'Away'], fo_since: ['失联，停在 {time}', 'Away, as of {time}'], fo_never: ['从未收到', 'Never heard'], fo_heard: ['正常', 'Heard'],
  fo_missing: ['未公布', 'Not published'], fo_missing_text: ['该市没有公布这个时段；不计入合计，也不当作零', 'This city has not published that period: it is in no sum, and is no zero'],
  fo_amended: ['有更正', 'Amended'], fo_amended_text: ['同一时段先公布过别的数字', 'Other figures of this period were published before'],
  fo_sums: ['每个区域是其已公布城市之和', 'Each is the sum of its cities that published'],
  fo_details: ['区、机构和仪器由各城市自己回答：点城市名打开。', 'Districts, institutions and instruments are the cities\' own: a name opens its city.'],
  fo_now: ['最近一次上报', 'Last word'], fo_now_note: ['每座城市以自己的时刻为准；失联的停在当时', 'Each as of its own moment; one that is away stays as it was'],
  fo_speaking: ['30 天内有心跳', 'Speaking'], fo_listed: ['在册仪器', 'Listed'],
  fo_as_of: ['截至', 'As of'], fo_state: ['联系', 'Link'], fo_failure: ['最近一次失败', 'What failed last'],
  fo_none: ['还没有关注任何城市', 'No city is followed yet'],
});
