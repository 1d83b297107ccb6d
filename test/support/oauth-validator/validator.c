/*
 * A validator for PostgreSQL 18's OAUTHBEARER that knows a token for each role by the files of a folder:
 * <folder>/<role> has the token. Declared here is what the server's headers would have, as no checkout
 * has them; the server compares the magic numbers and refuses anything else.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  int version, function_arguments, index_keys, name_bytes, float8_by_value;
  char extra[32];
} Abi;

typedef struct {
  int length;
  Abi abi;
  const char *name, *module_version;
} Magic;

typedef struct {
  int server_version;
  void *private_data;
} State;

typedef struct {
  bool authorized;
  char *identity;
} Result;

typedef struct {
  uint32_t magic;
  void (*startup)(State *);
  void (*shutdown)(State *);
  bool (*validate)(const State *, const char *, const char *, Result *);
} Callbacks;

extern char *pstrdup(const char *text);

const Magic *Pg_magic_func(void) {
  static const Magic magic = {sizeof(Magic), {1800, 100, 32, 64, 1, "PostgreSQL"}, NULL, NULL};
  return &magic;
}

static bool validate(const State *state, const char *token, const char *role, Result *result) {
  char path[512], known[8192];
  (void)state;
  snprintf(path, sizeof path, "%s/%s", TOKEN_FOLDER, role);
  FILE *file = fopen(path, "r");
  if (file == NULL) return true;
  size_t length = fread(known, 1, sizeof known - 1, file);
  fclose(file);
  known[length] = '\0';
  result->authorized = strcmp(token, known) == 0;
  result->identity = pstrdup(role);
  return true;
}

const Callbacks *_PG_oauth_validator_module_init(void) {
  static const Callbacks callbacks = {0x20250220, NULL, NULL, validate};
  return &callbacks;
}
