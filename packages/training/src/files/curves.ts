import type { MetricRecord } from './metrics.js';

/**
 * Loss curves as an SVG of panels, one per metric: the measured values faintly, a running mean on top. Readable without
 * colour, scalable, and small: at most `points` points a curve.
 */
export interface CurveOptions {
  /** Metrics to draw, in order. Default: all but time and rates. */
  readonly metrics?: readonly string[] | undefined;
  readonly title?: string | undefined;
  /** Default 300. */
  readonly points?: number | undefined;
}

const panel = { width: 460, height: 180, left: 64, right: 12, top: 30, bottom: 30 } as const;
const columns = 2;

interface Point {
  readonly step: number;
  readonly value: number;
}

export function renderCurves(records: readonly MetricRecord[], options: CurveOptions = {}): string {
  const { title = 'Training', points = 300 } = options;
  const known = [...new Set(records.flatMap((record) => Object.keys(record)))];
  const metrics =
    options.metrics ??
    known.filter((name) => !['step', 'time', 'applied'].includes(name) && !name.startsWith('rate.'));
  const curves = metrics
    .map((name) => ({ name, series: thin(seriesOf(records, name), points) }))
    .filter(({ series }) => series.length);
  const rows = Math.max(1, Math.ceil(curves.length / columns));
  const [width, height] = [columns * panel.width, 34 + rows * panel.height];
  const body = curves.map(({ name, series }, i) => {
    const [x, y] = [(i % columns) * panel.width, 34 + Math.floor(i / columns) * panel.height];
    return `<g transform="translate(${x} ${y})">${drawPanel(name, series)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="sans-serif" font-size="11">`,
    `<title>${escapeXml(title)}</title><rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="12" y="22" font-size="15" font-weight="bold">${escapeXml(title)}</text>`,
    ...body,
    '</svg>\n',
  ].join('\n');
}

const seriesOf = (records: readonly MetricRecord[], name: string): Point[] =>
  records.flatMap((record) => {
    const value = record[name];
    return Number.isFinite(value) ? [{ step: record.step, value }] : [];
  });

/** Means of equal stretches, so that no more than `points` are left. */
function thin(series: readonly Point[], points: number): Point[] {
  const stretch = Math.ceil(series.length / points);
  return Array.from({ length: Math.ceil(series.length / Math.max(1, stretch)) }, (_, i) => {
    const part = series.slice(i * stretch, (i + 1) * stretch);
    const value = part.reduce((sum, point) => sum + point.value, 0) / part.length;
    return { step: part[part.length - 1].step, value };
  });
}

/** An exponential mean over about a twentieth of the curve. */
function smooth(series: readonly Point[]): Point[] {
  const keep = 1 - 1 / Math.max(1, series.length / 20);
  let mean = series[0].value;
  return series.map(({ step, value }) => {
    mean = keep * mean + (1 - keep) * value;
    return { step, value: mean };
  });
}

function drawPanel(name: string, series: readonly Point[]): string {
  const values = series.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  // Losses that fall by orders of magnitude are read on a logarithmic axis.
  const logarithmic = low > 0 && high / low > 30;
  const scale = (value: number) => (logarithmic ? Math.log10(value) : value);
  const [bottom, top] = [scale(low), scale(high)];
  const span = top - bottom || Math.max(1e-12, Math.abs(top));
  const [first, last] = [series[0].step, series[series.length - 1].step];
  const inner = {
    width: panel.width - panel.left - panel.right,
    height: panel.height - panel.top - panel.bottom,
  };
  const x = (step: number) => panel.left + (inner.width * (step - first)) / Math.max(1, last - first);
  const y = (scaled: number) => panel.top + inner.height * (1 - (scaled - bottom) / span);
  const path = (points: readonly Point[]) =>
    points.map((p, i) => `${i ? 'L' : 'M'}${x(p.step).toFixed(1)} ${y(scale(p.value)).toFixed(1)}`).join('');
  const ticks = [0, 0.5, 1].map((share) => {
    const scaled = bottom + span * share;
    const at = y(scaled).toFixed(1);
    const label = format(logarithmic ? 10 ** scaled : scaled);
    return (
      `<line x1="${panel.left}" x2="${panel.left + inner.width}" y1="${at}" y2="${at}" stroke="#ddd"/>` +
      `<text x="${panel.left - 6}" y="${at}" dy="0.35em" text-anchor="end" fill="#555">${label}</text>`
    );
  });
  const end = values[values.length - 1];
  return [
    `<text x="${panel.left}" y="18" font-weight="bold">${escapeXml(name)}${logarithmic ? ' (log)' : ''}</text>`,
    `<text x="${panel.left + inner.width}" y="18" text-anchor="end" fill="#555">last ${format(end)}</text>`,
    ...ticks,
    `<text x="${panel.left}" y="${panel.height - 10}" fill="#555">${first}</text>`,
    `<text x="${panel.left + inner.width}" y="${panel.height - 10}" text-anchor="end" fill="#555">step ${last}</text>`,
    `<path d="${path(series)}" fill="none" stroke="#9ab" stroke-width="1"/>`,
    `<path d="${path(smooth(series))}" fill="none" stroke="#036" stroke-width="1.6"/>`,
  ].join('');
}

const format = (value: number): string => {
  const magnitude = Math.abs(value);
  return magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e5)
    ? value.toExponential(1)
    : value.toPrecision(3);
};

const escapeXml = (text: string): string => text.replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`);
