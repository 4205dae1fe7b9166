/* A clock that only goes forward, and the calls that wait for it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "host.h"

typedef struct
{
  double due;
  uint32_t id;
  uint32_t handler;
} waiting_t;

static waiting_t *list;
static size_t count;
static size_t room;
static uint32_t last_id;

double clock_now (void)
{
  static double start = -1;
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  double milliseconds = (double) now.tv_sec * 1000 + (double) now.tv_nsec / 1e6;
  if (start < 0)
  {
    start = milliseconds;
  }
  return milliseconds - start;
}

/* Keeps the list sorted by time, and by order of asking where times are equal. 0 when memory is out. */
uint32_t timer_add (double milliseconds, uint32_t handler)
{
  if (count == room)
  {
    size_t more = room ? 2 * room : 16;
    waiting_t *larger = realloc (list, more * sizeof (waiting_t));
    if (!larger)
    {
      return 0;
    }
    list = larger;
    room = more;
  }
  double due = clock_now () + (milliseconds > 0 ? milliseconds : 0);
  size_t at = count++;
  while (at > 0 && list[at - 1].due > due)
  {
    list[at] = list[at - 1];
    at--;
  }
  list[at] = (waiting_t) { .due = due, .id = ++last_id, .handler = handler };
  return last_id;
}

static uint32_t take (size_t at)
{
  uint32_t handler = list[at].handler;
  count--;
  memmove (&list[at], &list[at + 1], (count - at) * sizeof (waiting_t));
  return handler;
}

uint32_t timer_cancel (uint32_t id)
{
  for (size_t i = 0; i < count; i++)
  {
    if (list[i].id == id)
    {
      return take (i);
    }
  }
  return 0;
}

int timer_wait (void)
{
  if (count == 0)
  {
    return -1;
  }
  double left = list[0].due - clock_now ();
  return left <= 0 ? 0 : left > 60000 ? 60000 : (int) left + 1;
}

uint32_t timer_due (void)
{
  return count > 0 && list[0].due <= clock_now () ? take (0) : 0;
}
