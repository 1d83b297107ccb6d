import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** How the values that several processes have of one metric become one. */
type Aggregator = 'sum' | 'max' | 'min' | 'first'
type Pair = readonly [name: string, help: string]

/** Makes the metrics of a registry. No label names a person: identities belong into the audit record. */
export interface Series {
  readonly counter: <Label extends string>(
    pair: Pair,
    labelNames?: readonly Label[],
  ) => Counter<Label>
  readonly gauge: <Label extends string>(
    pair: Pair,
    labelNames?: readonly Label[],
    aggregator?: Aggregator,
  ) => Gauge<Label>
  readonly histogram: <Label extends string>(
    pair: Pair,
    buckets: readonly number[],
    labelNames?: readonly Label[],
  ) => Histogram<Label>
  /** Read when it is scraped; a value that is undefined is left out. */
  readonly read: (pair: Pair, value: () => number | undefined, aggregator?: Aggregator) => void
  /** Likewise one for each value of a label; those that are there no more are left out. */
  readonly readEach: (
    pair: Pair,
    label: string,
    values: () => readonly (readonly [label: string, value: number])[],
    aggregator?: Aggregator,
  ) => void
}

export function seriesOf(registry: Registry): Series {
  const registers = [registry]
  return {
    counter: ([name, help], labelNames = []) =>
      new Counter({ name: `portcullis_${name}`, help, labelNames: [...labelNames], registers }),
    gauge: ([name, help], labelNames = [], aggregator = 'sum') =>
      new Gauge({
        name: `portcullis_${name}`,
        help,
        labelNames: [...labelNames],
        registers,
        aggregator,
      }),
    histogram: ([name, help], buckets, labelNames = []) =>
      new Histogram({
        name: `portcullis_${name}`,
        help,
        labelNames: [...labelNames],
        buckets: [...buckets],
        registers,
      }),
    read: ([name, help], value, aggregator = 'sum') => {
      new Gauge({
        name: `portcullis_${name}`,
        help,
        registers,
        aggregator,
        collect() {
          const now = value()
          if (now === undefined) this.remove()
          else this.set(now)
        },
      })
    },
    readEach: ([name, help], label, values, aggregator = 'sum') => {
      new Gauge({
        name: `portcullis_${name}`,
        help,
        labelNames: [label],
        registers,
        aggregator,
        collect() {
          this.reset()
          for (const [each, value] of values()) this.set({ [label]: each }, value)
        },
      })
    },
  }
}
