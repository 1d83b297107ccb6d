/** What of a configuration is the catalog. The rest is the node's, and changed in the file alone. */
export const catalogSections = [
  'integrations',
  'identity_map',
  'groups',
  'databases',
  'connectivity_pools',
  'settings',
] as const

export function isCatalogSection(name: unknown): boolean {
  return catalogSections.some((section) => section === name)
}
