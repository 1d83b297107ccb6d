import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'

interface Entry {
  readonly model: string
  readonly payload: AdapterPayload
  readonly expiresAtMs: number
}

/** Sessions, grants and tokens in memory; it outlives the provider objects that share it. */
export function createStore(): AdapterFactory {
  const entries = new Map<string, Entry>()

  function read(key: string): AdapterPayload | undefined {
    const entry = entries.get(key)
    if (entry !== undefined && entry.expiresAtMs <= Date.now()) entries.delete(key)
    return entries.get(key)?.payload
  }

  function search(
    model: string,
    matches: (payload: AdapterPayload) => boolean,
  ): AdapterPayload | undefined {
    for (const [key, entry] of entries)
      if (entry.model === model && matches(entry.payload)) return read(key)
    return undefined
  }

  return (model): Adapter => {
    const keyOf = (id: string): string => `${model}:${id}`
    return {
      upsert: async (id, payload, expiresIn) => {
        const expiresAtMs = expiresIn === undefined ? Infinity : Date.now() + expiresIn * 1000
        entries.set(keyOf(id), { model, payload, expiresAtMs })
        return Promise.resolve()
      },
      find: async (id) => Promise.resolve(read(keyOf(id))),
      findByUid: async (uid) => Promise.resolve(search(model, (payload) => payload.uid === uid)),
      findByUserCode: async (userCode) =>
        Promise.resolve(search(model, (payload) => payload.userCode === userCode)),
      consume: async (id) => {
        const payload = read(keyOf(id))
        if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000)
        return Promise.resolve()
      },
      destroy: async (id) => {
        entries.delete(keyOf(id))
        return Promise.resolve()
      },
      // Called on one model only, for the tokens of all of them.
      revokeByGrantId: async (grantId) => {
        for (const [key, { model: owner, payload }] of entries)
          if (owner !== 'Grant' && payload.grantId === grantId) entries.delete(key)
        return Promise.resolve()
      },
    }
  }
}
