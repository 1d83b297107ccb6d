import { z } from 'zod'
import { section } from '../fields.ts'
import { partly } from './partly.ts'
import { participant, pool } from './pool.ts'

const ofPool = partly(pool.shape, 'participants')
const ofParticipant = partly(participant.shape, 'node')

/** Keys of the pool, and those of its participant. */
export const defaultPoolKeys: readonly string[] = Object.keys(ofPool)
export const participantKeys: readonly string[] = Object.keys(ofParticipant)

/** Only what is written here is read by it: `expandDefaults` makes a pool of it. */
export const defaultPool = z
  .preprocess(
    (value) => (value === false || value === 'false' ? null : value),
    section({ ...ofParticipant, ...ofPool }).nullable(),
  )
  .optional()
  .meta({
    description:
      'The pool `<node>_default`, which a node has while no pool that is enabled has a participant on it: it listens on `listen_address`, by default 127.0.0.1, and `listen_port`, by default 6432, and has the keys of a pool and of a participant. `null` or `false`: there is none. A pool of this name in `connectivity_pools` is there in its place.',
    'x-type': 'section or `null`',
    'x-default': 'the defaults of a pool',
  })
