// Points and outlines of the map: WGS84 into the datum of the boundaries, rings out of GeoJSON
// (also as old ECharts maps pack it), and tiles where there are none. Drawing is in map.js.

const A = 6378245.0;
const EE = 0.006693421622965943;

/** WGS84 to GCJ-02, the published approximation, good to a metre or two; for display alone. */
export function toGcj02(lon, lat) {
  if (lon < 72 || lon > 138 || lat < 0.8 || lat > 55.9) return [lon, lat];
  const x = lon - 105;
  const y = lat - 35;
  const { sin, cos, sqrt, abs, PI } = Math;
  const wave = (20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * 2 / 3;
  let dLat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + wave
    + (20 * sin(y * PI) + 40 * sin(y / 3 * PI)) * 2 / 3
    + (160 * sin(y / 12 * PI) + 320 * sin(y * PI / 30)) * 2 / 3;
  let dLon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + wave
    + (20 * sin(x * PI) + 40 * sin(x / 3 * PI)) * 2 / 3
    + (150 * sin(x / 12 * PI) + 300 * sin(x / 30 * PI)) * 2 / 3;
  const rad = lat / 180 * PI;
  const magic = 1 - EE * sin(rad) ** 2;
  dLat = dLat * 180 / (A * (1 - EE) / (magic * sqrt(magic)) * PI);
  dLon = dLon * 180 / (A / sqrt(magic) * cos(rad) * PI);
  return [lon + dLon, lat + dLat];
}

/** Where each district stands in the schematic map: column and row, roughly as on the ground. */
const TILES = {
  310151: [2, 0], 310114: [0, 1], 310113: [2, 1], 310107: [1, 1], 310109: [3, 1], 310110: [4, 1],
  310118: [0, 2], 310105: [1, 2], 310106: [2, 2], 310101: [3, 2], 310115: [4, 2],
  310117: [0, 3], 310112: [1, 3], 310104: [2, 3], 310116: [1, 4], 310120: [3, 4],
};

/** The rings of a feature as lists of [lon, lat]. */
export function rings(feature) {
  const { type, coordinates, encodeOffsets: offsets } = feature.geometry;
  if (type === 'Polygon') return coordinates.map((ring, i) => (offsets ? unpack(ring, offsets[i]) : ring));
  return coordinates.flatMap((part, i) => part.map((ring, k) => (offsets ? unpack(ring, offsets[i][k]) : ring)));
}

/** ECharts 4 packs a ring as zig-zag differences in 1/1024 of a degree, one character each. */
function unpack(text, [x, y]) {
  const points = [];
  const next = (i) => { const v = text.charCodeAt(i) - 64; return (v >> 1) ^ -(v & 1); };
  for (let i = 0; i < text.length; i += 2) {
    x += next(i);
    y += next(i + 1);
    points.push([x / 1024, y / 1024]);
  }
  return points;
}

/** Our own tiles as GeoJSON, for where no boundaries may be shown. */
export function tiles(districts) {
  const w = 0.18;
  const gap = 0.007;
  return {
    type: 'FeatureCollection',
    features: [...districts.values()].filter((d) => TILES[d.district_code]).map((d) => {
      const [col, row] = TILES[d.district_code];
      const [x, y] = [121 + col * w, 31.8 - row * w];
      const [l, r, top, bottom] = [x + gap, x + w - gap, y - gap, y - w + gap];
      return {
        type: 'Feature', id: d.district_code, properties: { name: d.name },
        geometry: { type: 'Polygon', coordinates: [[[l, top], [r, top], [r, bottom], [l, bottom], [l, top]]] },
      };
    }),
  };
}

const TURN = Math.PI * (3 - Math.sqrt(5));
/**
 * Where the `k`th of `n` institutions stands within its district's box on the tiles: the largest
 * in the middle, the others around it as seeds in a flower. Tiles have no places, only districts.
 */
export function seed(k, n, { x, y, width, height }) {
  const far = Math.sqrt((k + 0.5) / n) * 0.42;
  return [x + width * (0.5 + far * Math.cos(k * TURN)), y + height * (0.66 + far * 0.66 * Math.sin(k * TURN))];
}
