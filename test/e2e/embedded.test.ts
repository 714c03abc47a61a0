import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { deployEmbedded } from '../support/deployment.ts'
import { journey } from '../support/journey.ts'

t.test('embedded, in one process', async t => {
  const service = await deployEmbedded(t)
  const { mode } = await stat(join(service.dataDir, 'api-key'))
  t.equal(mode & 0o777, 0o600, 'the key of the first start is for its owner only')
  const client = await service.client()
  t.equal((await client.request('GET', '/v1/workflows')).status, 200, 'and it opens the service')
  t.match(service.api.output, client.headers['x-api-key']!, 'it was shown once')
  await journey(t, service)
  t.notMatch(service.api.output, client.headers['x-api-key']!, 'and not again')
})
