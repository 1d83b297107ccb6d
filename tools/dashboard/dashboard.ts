// The dashboard for Grafana, made of the panels.
import { type Panel, type Row, rows } from './panels.ts'

const columns = 24
const panelsInRow = 3
const sizes = { stat: { w: 6, h: 4 }, timeseries: { w: columns / panelsInRow, h: 7 } } as const
const source = { type: 'prometheus', uid: '${datasource}' }

export function dashboardText(): string {
  return `${JSON.stringify(dashboard(), undefined, 2)}\n`
}

function dashboard(): object {
  return {
    uid: 'portcullis',
    title: 'Portcullis',
    description: 'Logins, sessions and what they depend on.',
    tags: ['portcullis', 'postgresql'],
    // The form of Grafana 10; newer ones read it, too.
    schemaVersion: 38,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    timezone: 'browser',
    annotations: { list: [] },
    links: [],
    templating: { list: variables() },
    panels: laidOut(rows),
  }
}

function variables(): readonly object[] {
  const all = {
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  }
  const query = (name: string, label: string, text: string): object => ({
    ...{ name, label, type: 'query', datasource: source, refresh: 2, sort: 1, ...all },
    query: { query: text, refId: name },
  })
  return [
    {
      name: 'datasource',
      label: 'Data source',
      type: 'datasource',
      query: 'prometheus',
      refresh: 1,
    },
    query('job', 'Job', 'label_values(portcullis_build_info, job)'),
    query('replica', 'Replica', 'label_values(portcullis_build_info{job=~"$job"}, instance)'),
  ]
}

function laidOut(all: readonly Row[]): readonly object[] {
  let id = 0
  let y = 0
  return all.flatMap(({ title, panels }) => {
    const placed: object[] = [
      {
        id: ++id,
        type: 'row',
        title,
        collapsed: false,
        gridPos: { x: 0, y, w: columns, h: 1 },
        panels: [],
      },
    ]
    y++
    let x = 0
    let tallest = 0
    for (const panel of panels) {
      const size = sizes[panel.kind ?? 'timeseries']
      if (x + size.w > columns) {
        x = 0
        y += tallest
        tallest = 0
      }
      placed.push({ id: ++id, ...drawn(panel), gridPos: { x, y, ...size } })
      x += size.w
      tallest = Math.max(tallest, size.h)
    }
    y += tallest
    return placed
  })
}

function drawn({
  title,
  description,
  unit,
  kind = 'timeseries',
  isStacked,
  red,
  queries,
}: Panel): object {
  const targets = queries.map(({ expr, legend }, index) => ({
    refId: 'ABCDEF'.charAt(index),
    datasource: source,
    expr,
    legendFormat: legend,
    range: kind === 'timeseries',
    instant: kind === 'stat',
  }))
  const custom = {
    drawStyle: 'line',
    fillOpacity: isStacked === true ? 30 : 10,
    showPoints: 'never',
    stacking: { mode: isStacked === true ? 'normal' : 'none', group: 'A' },
    ...(red !== undefined && { thresholdsStyle: { mode: 'dashed' } }),
  }
  return {
    ...{ title, description, type: kind, datasource: source, targets },
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        thresholds: thresholds(red),
        ...(kind === 'timeseries' && { custom }),
      },
      overrides: [],
    },
    options:
      kind === 'stat'
        ? {
            reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
            colorMode: 'value',
            graphMode: 'none',
            textMode: 'value',
          }
        : {
            legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
            tooltip: { mode: 'multi', sort: 'desc' },
          },
  }
}

function thresholds(red: Panel['red']): object {
  const good = { color: 'green', value: null }
  if (red === undefined) return { mode: 'absolute', steps: [good] }
  return {
    mode: 'absolute',
    steps:
      'above' in red
        ? [good, { color: 'red', value: red.above }]
        : [
            { color: 'red', value: null },
            { color: 'green', value: red.below },
          ],
  }
}
