import { mkdir, writeFile } from 'node:fs/promises';
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, MarkAreaComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { READINGS } from '../../local/simulation/builds.ts';
import { type Outcome, simulate } from '../../local/simulation/simulate.ts';
import { createWindows } from '../../local/simulation/windows.ts';
import { createQuietWorld, DAY_MS, HOUR_MS, MINUTE_MS } from '../../local/simulation/world.ts';
import { type Comparison, fixedSchedule } from './comparison.ts';
import { HOUR } from './live.ts';
import { count, perHundredThousand } from './report.ts';

use([LineChart, BarChart, GridComponent, MarkAreaComponent, TitleComponent, SVGRenderer]);

const FOLDER = new URL('../../docs/', import.meta.url);

// Legible on a white page and on a dark one.
const INK = '#7a828c';
const GRID = '#7a828c40';
const OURS = '#1f9d61';
const THEIRS = '#d9603b';
const DEAD = '#c62828';
const FONT = { fontFamily: 'Helvetica, Arial, sans-serif', color: INK, fontSize: 13 };
const AXIS = {
  axisLabel: FONT,
  nameTextStyle: FONT,
  axisLine: { lineStyle: { color: INK } },
  splitLine: { lineStyle: { color: GRID } },
};

/** The day's outages: one within the tolerance of a one-hour token, one much longer. */
const OUTAGES = [
  { from: 97 * MINUTE_MS, to: 105 * MINUTE_MS, name: '8 min' },
  { from: 15 * HOUR_MS, to: 16 * HOUR_MS + 30 * MINUTE_MS, name: '90 min' },
];

/** Draws the two pictures into `docs/`, and returns their paths in the repository. */
export async function drawPictures(comparisons: readonly Comparison[]): Promise<readonly string[]> {
  await mkdir(FOLDER, { recursive: true });
  const [, hour] = comparisons;
  if (hour === undefined) throw new Error('The picture of lost builds is of one-hour tokens.');
  await writeFile(new URL('remaining-life.svg', FOLDER), await drawRemainingLife());
  await writeFile(new URL('builds-lost.svg', FOLDER), drawBuildsLost(hour.outcomes));
  return ['docs/remaining-life.svg', 'docs/builds-lost.svg'];
}

/** The remaining life of what is stored, over a day with two outages, ours against the fixed schedule. */
async function drawRemainingLife(): Promise<string> {
  const world = createQuietWorld({
    lifetimeMs: HOUR_MS,
    spanMs: DAY_MS,
    endpoint: createWindows(
      OUTAGES.map(({ from, to }) => ({
        from,
        to,
        value: { code: 'TOKEN_ENDPOINT_UNAVAILABLE' as const, latencyMs: 200 },
      })),
    ),
  });
  const ours = { name: 'ours', kind: 'ours', ...HOUR } as const;
  const fixed = fixedSchedule(HOUR_MS);
  const series = [
    { strategy: ours, color: OURS, title: 'ours: a beat a minute, retried until it works' },
    { strategy: fixed, color: THEIRS, title: 'a fixed schedule: every 50 minutes, one attempt' },
  ];
  const lines = await Promise.all(
    series.map(async ({ strategy }) => remainingMinutes(await simulate({ world, reads: [], strategy }))),
  );
  return draw(880, 480, {
    title: series.map(({ title, color }, index) => ({
      text: title,
      left: 64,
      top: 10 + index * 225,
      textStyle: { ...FONT, color, fontWeight: 'bold', fontSize: 14 },
    })),
    grid: [
      { left: 64, right: 20, top: 60, height: 135 },
      { left: 64, right: 20, top: 285, height: 135 },
    ],
    xAxis: [0, 1].map((gridIndex) => ({
      ...AXIS,
      gridIndex,
      type: 'value',
      min: 0,
      max: 24,
      interval: 2,
      splitLine: { show: false },
      axisLabel: { ...FONT, formatter: '{value}:00', show: gridIndex === 1 },
      ...(gridIndex === 1 ? { name: 'time of day', nameLocation: 'middle', nameGap: 30 } : {}),
    })),
    yAxis: [0, 1].map((gridIndex) => ({
      ...AXIS,
      gridIndex,
      type: 'value',
      min: 0,
      max: 60,
      interval: 20,
      name: 'minutes left',
      nameLocation: 'middle',
      nameGap: 34,
    })),
    series: lines.flatMap((line, index) => {
      const place = { type: 'line', xAxisIndex: index, yAxisIndex: index };
      return [
        {
          ...place,
          data: line,
          showSymbol: false,
          lineStyle: { color: series[index]?.color, width: 1.6 },
          areaStyle: { color: series[index]?.color, opacity: 0.18 },
          markArea: { silent: true, data: outageAreas() },
        },
        // A separate series, drawn above the line.
        { ...place, data: [], z: 5, markArea: { silent: true, z: 10, data: deadAreas(line) } },
      ];
    }),
  });
}

/** Where the token endpoint is out. */
function outageAreas() {
  return OUTAGES.map(({ from, to, name }) => [
    {
      xAxis: from / HOUR_MS,
      itemStyle: { color: INK, opacity: 0.35 },
      label: { ...FONT, formatter: `endpoint out, ${name}`, position: 'top', distance: 4 },
    },
    { xAxis: to / HOUR_MS },
  ]);
}

/** Where there is no live token. */
function deadAreas(line: readonly (readonly [number, number])[]) {
  const areas: { from: number; to: number }[] = [];
  for (const [hour, minutes] of line) {
    if (minutes > 0) continue;
    const last = areas.at(-1);
    if (last !== undefined && hour - last.to < 0.05) last.to = hour;
    else areas.push({ from: hour, to: hour });
  }
  return areas.map(({ from, to }) => [
    {
      xAxis: from,
      itemStyle: { color: DEAD, opacity: 0.6 },
      label: {
        ...FONT,
        color: '#ffffff',
        backgroundColor: DEAD,
        padding: [4, 12],
        formatter: `no live token, ${Math.round((to - from) * 60)} min`,
        position: 'inside',
      },
    },
    { xAxis: to },
  ]);
}

function remainingMinutes({ stored, spanMs }: Outcome): [number, number][] {
  const points: [number, number][] = [];
  let version = 0;
  for (let at = 2 * MINUTE_MS; at < spanMs; at += MINUTE_MS) {
    while ((stored[version + 1]?.writtenAt ?? Number.POSITIVE_INFINITY) <= at) version++;
    const remaining = Math.max(0, (stored[version]?.diesAt ?? 0) - at) / MINUTE_MS;
    points.push([Number((at / HOUR_MS).toFixed(3)), Number(remaining.toFixed(1))]);
  }
  return points;
}

const READING_TITLES = {
  once: 'read once, at the start',
  again: 'read again at each use',
  'min-ttl': 'ask with --min-ttl (ours only)',
} as const;

/** Builds lost per 100,000 in the simulated year, one-hour tokens, by strategy and by the way builds read. */
function drawBuildsLost(outcomes: readonly Outcome[]): string {
  const names = outcomes.map(({ strategy }) => strategy.name);
  const most = Math.max(
    ...outcomes.flatMap(({ builds }) =>
      READINGS.map((reading) => perHundredThousand(builds, 'lost', reading)),
    ),
  );
  const max = Math.ceil(most / 10_000) * 10_000;
  const panel = 235;
  const left = 230;
  return draw(left + READINGS.length * panel, 330, {
    title: READINGS.map((reading, index) => ({
      text: `builds that\n${READING_TITLES[reading]}`,
      left: left + index * panel,
      top: 8,
      textStyle: { ...FONT, fontWeight: 'bold', lineHeight: 18 },
    })),
    grid: READINGS.map((_, index) => ({
      left: left + index * panel,
      width: panel - 70,
      top: 58,
      height: 216,
    })),
    xAxis: READINGS.map((_, gridIndex) => ({
      ...AXIS,
      gridIndex,
      type: 'value',
      min: 0,
      max,
      interval: 10_000,
      axisLabel: { ...FONT, formatter: (value: number) => (value === 0 ? '0' : `${value / 1_000}k`) },
      ...(gridIndex === 1
        ? {
            name: 'builds lost to an expired token, per 100,000, in a year; one-hour tokens',
            nameLocation: 'middle',
            nameGap: 32,
          }
        : {}),
    })),
    yAxis: READINGS.map((_, gridIndex) => ({
      ...AXIS,
      gridIndex,
      type: 'category',
      inverse: true,
      data: names,
      axisTick: { show: false },
      axisLabel: { ...FONT, show: gridIndex === 0 },
    })),
    series: READINGS.map((reading, index) => ({
      type: 'bar',
      xAxisIndex: index,
      yAxisIndex: index,
      barWidth: 18,
      label: {
        ...FONT,
        show: true,
        position: 'right',
        formatter: ({ value }: { value: number }) => count(value),
      },
      data: outcomes.map(({ builds, strategy }) => ({
        value: Math.round(perHundredThousand(builds, 'lost', reading)),
        itemStyle: { color: strategy.kind === 'ours' ? OURS : THEIRS },
      })),
    })),
  });
}

function draw(width: number, height: number, option: object): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption({ animation: false, backgroundColor: 'transparent', ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}
