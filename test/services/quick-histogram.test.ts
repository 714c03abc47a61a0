import { Histogram, Registry } from 'prom-client'
import t from 'tap'
import { QuickHistogram } from '../../src/services/quick-histogram.ts'

const DEFINITION = { name: 'durations_seconds', help: 'How long it took', buckets: [0.01, 0.1, 1] }

t.test('it is shown as prom-client shows its own', async t => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const quick = new QuickHistogram({ ...DEFINITION, registry: ours })
  const own = new Histogram({ ...DEFINITION, labelNames: ['route', 'status'], registers: [theirs] })
  for (const [route, status, values] of [['/a', 200, [0.001, 0.01, 0.05, 0.1, 0.5, 1, 2]], ['/b "quoted"', 404, [3]]] as const) {
    const series = quick.series({ route, status })
    for (const value of values) {
      series.observe(value)
      own.observe({ route, status }, value)
    }
  }
  t.match(await ours.metrics(), 'durations_seconds_bucket{le="0.1",route="/a",status="200"} 4')
  t.equal(await ours.metrics(), await theirs.metrics())
})

t.test('without labels it is there before anything was observed', async t => {
  const [ours, theirs] = [new Registry(), new Registry()]
  new QuickHistogram({ ...DEFINITION, registry: ours }).series()
  t.ok(new Histogram({ ...DEFINITION, registers: [theirs] }))
  t.equal(await ours.metrics(), await theirs.metrics())
})
