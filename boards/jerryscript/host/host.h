/* What the parts of the host share. */
#ifndef LEYDEN_HOST_H
#define LEYDEN_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#endif
