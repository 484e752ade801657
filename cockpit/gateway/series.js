// Bars of a gateway's history by hour or day: stacked, in the page's colours, by the city's clock.

import { axis, bubble, chart, color, legend, rem } from '../charts.js';
import { moment } from '../formats.js';

/** The label of a part: its day, or its hour where it is one. */
export const partLabel = (part, bucket, tz) => moment(part.from, tz, bucket === 'day' ? { hour: undefined, minute: undefined, weekday: 'short' } : {});

/**
 * @param {any} ctx @param {{from: string}[]} parts @param {string} bucket @param {string} tz
 * @param {{name: string, color: string, value: (part: any) => number | null}[]} rows stacked in this order
 * @param {{say: string, text: (value: number) => string, max?: number, line?: boolean}} options
 */
export function series(ctx, parts, bucket, tz, rows, { say, text, max, line = false }) {
  const labels = parts.map((part) => partLabel(part, bucket, tz));
  return chart(ctx, () => ({
    legend: rows.length > 1 ? { ...legend(), type: 'scroll', data: rows.map((row) => ({ name: row.name, itemStyle: { color: color(row.color) } })) } : { show: false },
    grid: { left: rem() * 1.2, right: rem() * 0.6, top: rem() * (rows.length > 1 ? 2.2 : 0.8), bottom: 4, containLabel: true },
    tooltip: {
      className: 'chart-bubble', confine: true, appendTo: document.body, borderWidth: 0, padding: 0, backgroundColor: 'transparent', trigger: 'axis',
      formatter: (items) => bubble(labels[items[0].dataIndex], items.filter((item) => item.data != null).map((item) => `${item.seriesName} ${text(item.data)}`)),
    },
    xAxis: axis({ type: 'category', data: labels, splitLine: { show: false } }),
    yAxis: axis({ type: 'value', max, axisLabel: { color: color('muted'), fontSize: rem() * 0.78, formatter: text } }),
    series: rows.map((row) => ({
      type: line ? 'line' : 'bar', name: row.name, stack: line ? undefined : 'all', data: parts.map(row.value), itemStyle: { color: color(row.color) },
      lineStyle: { color: color(row.color) }, showSymbol: line && parts.length < 40, connectNulls: false, barCategoryGap: '20%',
    })),
  }), { cls: 'low', say });
}
