import type { QueueTechnology } from '../../src/queue/job-queue.js';
import type { Results, TargetResult } from './results.js';
import { NAMES, technologiesOf } from './table.js';

const WIDTH = 760;
const LEFT = 170;
const RIGHT = 100;
const BAR = 13;
const GROUP = 92;
const TOP = 62;
/** Room for the scale. */
const BOTTOM = 46;

interface Series {
  readonly label: string;
  readonly of: keyof TargetResult;
  readonly ratio: keyof TargetResult | null;
  readonly css: string;
}
const SERIES: readonly Series[] = [
  { label: 'publish, Fairline', of: 'publishPerSecond', ratio: 'publishRatio', css: 'p' },
  { label: 'publish, client alone', of: 'rawPublishPerSecond', ratio: null, css: 'p r' },
  { label: 'consume, Fairline', of: 'consumePerSecond', ratio: 'consumeRatio', css: 'c' },
  { label: 'consume, client alone', of: 'rawConsumePerSecond', ratio: null, css: 'c r' },
];

/** Readable on light and on dark; bars of the client alone are paler. */
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .small { font-size: 11px; fill: #57606a; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .p { fill: #0969da; } .c { fill: #bf5700; } .r { fill-opacity: .45; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .small { fill: #9198a1; } .grid { stroke: #3d444d; }
    .p { fill: #4493f8; } .c { fill: #f0883e; }
  }`;

/** A bar chart of the rates; the number beside a bar of ours is followed by its share of the client's alone. */
export function renderChart(results: Results): string {
  const targets = technologiesOf(results);
  const rates = targets.flatMap(([, result]) => SERIES.map(({ of }) => result[of]));
  const scale = linear(Math.max(...rates));
  const bottom = TOP + targets.length * GROUP;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + BOTTOM}" role="img" aria-label="Jobs a second by technology">`,
    `<style>${STYLE}\n</style>`,
    text(0, 16, 'Jobs a second by technology; in brackets the share of what the client library does alone'),
    ...legend(),
    ...grid(scale, bottom),
    ...targets.flatMap(([name, result], index) => group(name, result, TOP + index * GROUP, scale)),
    '</svg>',
    '',
  ].join('\n');
}

interface Scale {
  readonly ticks: readonly number[];
  readonly x: (rate: number) => number;
}

/** From 0, with 4 to 10 round steps. */
function linear(highest: number): Scale {
  const power = 10 ** Math.floor(Math.log10(highest));
  const step = [power / 5, power / 2, power].find((size) => highest / size <= 8) ?? power * 2;
  const steps = Math.ceil(highest / step);
  return {
    ticks: Array.from({ length: steps + 1 }, (_, i) => i * step),
    x: (rate) => LEFT + (rate / (steps * step)) * (WIDTH - LEFT - RIGHT),
  };
}

const grid = ({ ticks, x }: Scale, bottom: number): string[] => [
  ...ticks.flatMap((tick) => [
    `<line class="grid" x1="${at(x(tick))}" y1="${TOP}" x2="${at(x(tick))}" y2="${bottom}"/>`,
    text(x(tick), bottom + 16, tick.toLocaleString('en-GB'), 'small', 'middle'),
  ]),
  text((LEFT + WIDTH - RIGHT) / 2, bottom + 36, 'jobs per second', 'small', 'middle'),
];

const legend = (): string[] =>
  SERIES.flatMap(({ label, css }, index) => {
    const x = index * 180;
    return [
      `<rect class="${css}" x="${x}" y="32" width="12" height="12" rx="2"/>`,
      text(x + 18, 42, label, 'small'),
    ];
  });

function group(name: QueueTechnology, result: TargetResult, y: number, { x }: Scale): string[] {
  const start = x(0);
  return [
    text(LEFT - 12, y + 16 + 2 * BAR, NAMES[name], '', 'end'),
    ...SERIES.flatMap(({ of, css, ratio }, index) => {
      const [rate, top] = [result[of], y + 12 + index * (BAR + 3)];
      const share = ratio === null ? '' : ` (${result[ratio].toFixed(2)})`;
      return [
        `<rect class="${css}" x="${at(start)}" y="${top}" width="${at(x(rate) - start)}" height="${BAR}" rx="2"/>`,
        text(x(rate) + 6, top + BAR - 3, `${rate.toLocaleString('en-GB')}${share}`, 'small'),
      ];
    }),
  ];
}

const at = (value: number): string => value.toFixed(1);

const text = (x: number, y: number, content: string, css = '', anchor = 'start'): string =>
  `<text x="${at(x)}" y="${at(y)}"${css === '' ? '' : ` class="${css}"`} text-anchor="${anchor}">${content}</text>`;
