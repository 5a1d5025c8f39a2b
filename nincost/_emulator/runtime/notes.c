/* What results have to name: functions that were called and are not emulated, and the like. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

typedef struct { const char *kind; char name[120]; unsigned long long count; } Note;
static Note notes[1024];
static int count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void note(const char *kind, const char *name) {
  pthread_mutex_lock(&lock);
  int i = 0;
  while (i < count && (strcmp(notes[i].kind, kind) || strncmp(notes[i].name, name, sizeof notes[i].name - 1))) i++;
  if (i == count && count < (int)(sizeof notes / sizeof *notes)) {
    notes[count].kind = kind;
    snprintf(notes[count++].name, sizeof notes[i].name, "%s", name);
  }
  if (i < count) notes[i].count++;
  pthread_mutex_unlock(&lock);
}
int unwritten(const char *name) { note("function", name); return SUCCESS; }

/* One note for a number from 0 on: its count, or 0 where there are no more. */
API unsigned long long nincost_emulated_note(int number, const char **kind, const char **name) {
  if (number >= count) return 0;
  *kind = notes[number].kind;
  *name = notes[number].name;
  return notes[number].count;
}
