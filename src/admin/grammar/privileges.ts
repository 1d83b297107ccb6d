import type { Keyword } from './keywords.ts'

/** By the names of Ocient where it has one, else by those of PostgreSQL; each as its words. */
export const privileges = {
  USE: ['USE'],
  SELECT: ['SELECT'],
  INSERT: ['INSERT'],
  UPDATE: ['UPDATE'],
  DELETE: ['DELETE'],
  TRUNCATE: ['TRUNCATE'],
  REFERENCES: ['REFERENCES'],
  TRIGGER: ['TRIGGER'],
  EXECUTE: ['EXECUTE'],
  'VIEW TABLE': ['VIEW', 'TABLE'],
  'VIEW VIEW': ['VIEW', 'VIEW'],
  'VIEW SCHEMA': ['VIEW', 'SCHEMA'],
  'CREATE TABLE': ['CREATE', 'TABLE'],
  'CREATE VIEW': ['CREATE', 'VIEW'],
  'CREATE SCHEMA': ['CREATE', 'SCHEMA'],
} as const satisfies Readonly<Record<string, readonly Keyword[]>>

export type Privilege = keyof typeof privileges
