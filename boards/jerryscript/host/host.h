/* What the parts of the host share. */
#ifndef LEYDEN_HOST_H
#define LEYDEN_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jerryscript.h"

#define EXTERNAL(name) \
  static jerry_value_t name (const jerry_call_info_t *info, const jerry_value_t args[], const jerry_length_t count)

/* A wire ends in a file descriptor; the one after the last wire is the bench, from which pins are moved. */
#define WIRES 3
#define BENCH WIRES

/* flash.c: NOR flash in a file. Programming turns bits from 1 to 0; erasing works on whole pages. */
#define FLASH_LENGTH (17 * 1024 * 1024)
#define FLASH_PAGE 4096
bool flash_open (const char *path);
bool flash_read (uint32_t address, uint8_t *out, size_t length);
bool flash_program (uint32_t address, const uint8_t *bytes, size_t length);
bool flash_erase (uint32_t address);

/* ports.c: wires as file descriptors. */
bool port_open (int port, const char *path);
void port_inherit (int port, int descriptor);
int port_descriptor (int port);
bool port_write (int port, const uint8_t *bytes, size_t length);

/* timers.c: calls wait in the order of their time. */
double clock_now (void);
uint32_t timer_add (double milliseconds, uint32_t handler);
/* The handler that was cancelled, or 0. */
uint32_t timer_cancel (uint32_t id);
/* Milliseconds until the next call, -1 for none. */
int timer_wait (void);
/* Takes the next handler that is due off the list; 0 when none is. */
uint32_t timer_due (void);

/* host.c: bytes of a typed array in the engine's memory, NULL when `value` is none. */
uint8_t *bytes_of (jerry_value_t value, size_t *length);
/* host.c: ends the program with what was thrown, if anything was. */
void must (jerry_value_t result);
/* host.c: all of a file, which the caller frees; NULL when it cannot be read. */
jerry_char_t *load (const char *path, size_t *length);

/* lockstep.c: runs scripts with nothing but two pipes. `names`: the pipes in and out, then the scripts, then NULL. */
int lockstep (char **names);

#endif
