/*
 * Runs one bundle on JerryScript and gives it what that engine lacks: wires, timers, a monotonic clock, NOR flash, random bytes.
 *
 *   host BUNDLE FLASH SINK [DEVICE...]
 *   host --lockstep IN OUT SCRIPT...
 *
 * Wires 0 to 2 are descriptors 3 to 5, or the serial devices named; the bench is descriptor 6. Lines on the bench move pins: "V4800"
 * sets the key capacitor's millivolts, "F" trips the power-fail comparator, "T" opens the case, "B" presses the button, "C1" and "C0"
 * dock and undock. With --lockstep the simulator is the hardware, see lockstep.c.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "jerryscript-ext/handlers.h"
#include "jerryscript-ext/properties.h"
#include "jerryscript.h"

#include "host.h"

/* Engine values that wait to be called; index 0 is none. Receivers and pins first, then timers. */
enum
{
  RECEIVER = 1,
  ON_POWER_FAIL = RECEIVER + WIRES,
  ON_TAMPER,
  ON_PRESS,
  ON_CONTACT,
  FIRST_TIMER
};
#define HANDLERS 4096
/* Bytes of key memory. */
#define KEY_MEMORY 512
static jerry_value_t handlers[HANDLERS];
static bool used[HANDLERS];

static double millivolts = 5000;
static bool docked;
static FILE *sink;

/* Bytes of a typed array in the engine's memory; NULL when `value` is none. */
uint8_t *bytes_of (jerry_value_t value, size_t *length)
{
  jerry_size_t offset = 0;
  jerry_size_t size = 0;
  uint8_t *data = NULL;
  if (jerry_value_is_typedarray (value))
  {
    jerry_value_t buffer = jerry_typedarray_buffer (value, &offset, &size);
    data = jerry_arraybuffer_data (buffer) + offset;
    jerry_value_free (buffer);
  }
  *length = size;
  return data;
}

static jerry_value_t wrong (const char *message)
{
  return jerry_throw_sz (JERRY_ERROR_TYPE, message);
}

static void keep (uint32_t index, jerry_value_t handler)
{
  if (used[index])
  {
    jerry_value_free (handlers[index]);
  }
  handlers[index] = jerry_value_copy (handler);
  used[index] = true;
}

static void drop (uint32_t index)
{
  if (index && used[index])
  {
    used[index] = false;
    jerry_value_free (handlers[index]);
  }
}

/* Prints what was thrown, and ends: a device whose firmware throws is broken, and its starter should know. */
void must (jerry_value_t result)
{
  if (jerry_value_is_exception (result))
  {
    jerry_value_t error = jerry_exception_value (result, false);
    jerry_value_t text = jerry_value_to_string (error);
    jerry_char_t line[256];
    jerry_size_t length = jerry_string_to_buffer (text, JERRY_ENCODING_UTF8, line, sizeof (line) - 1);
    line[length] = 0;
    fprintf (stderr, "host: the bundle threw %s\n", line);
    exit (1);
  }
  jerry_value_free (result);
}

static void call (uint32_t index, const jerry_value_t *argument)
{
  if (used[index])
  {
    jerry_value_t function = jerry_value_copy (handlers[index]);
    jerry_value_t self = jerry_undefined ();
    must (jerry_call (function, self, argument, argument ? 1 : 0));
    jerry_value_free (self);
    jerry_value_free (function);
  }
}

EXTERNAL (host_now)
{
  (void) info, (void) args, (void) count;
  return jerry_number ((double) (uint64_t) clock_now ());
}

EXTERNAL (host_after)
{
  (void) info;
  if (count < 2 || !jerry_value_is_function (args[1]))
  {
    return wrong ("hostAfter takes milliseconds and a function");
  }
  for (uint32_t index = FIRST_TIMER; index < HANDLERS; index++)
  {
    if (!used[index])
    {
      keep (index, args[1]);
      return jerry_number (timer_add (jerry_value_as_number (args[0]), index));
    }
  }
  return wrong ("no room for another timer");
}

EXTERNAL (host_cancel)
{
  (void) info;
  drop (count > 0 ? timer_cancel ((uint32_t) jerry_value_as_number (args[0])) : 0);
  return jerry_undefined ();
}

EXTERNAL (host_random)
{
  (void) info;
  size_t length = 0;
  uint8_t *out = count > 0 ? bytes_of (args[0], &length) : NULL;
  for (size_t at = 0; out && at < length;)
  {
    ssize_t got = getrandom (out + at, length - at, 0);
    if (got > 0)
    {
      at += (size_t) got;
    }
    else if (errno != EINTR)
    {
      return wrong ("the system gives no random bytes");
    }
  }
  return jerry_undefined ();
}

EXTERNAL (host_write)
{
  (void) info;
  size_t length = 0;
  uint8_t *bytes = count > 1 ? bytes_of (args[1], &length) : NULL;
  int port = bytes ? (int) jerry_value_as_number (args[0]) : -1;
  if (port < 0 || port >= WIRES)
  {
    return wrong ("hostWrite takes a port and bytes");
  }
  if (port_descriptor (port) >= 0)
  {
    port_write (port, bytes, length);
  }
  return jerry_undefined ();
}

EXTERNAL (host_receive)
{
  (void) info;
  int port = count > 1 ? (int) jerry_value_as_number (args[0]) : -1;
  if (port < 0 || port >= WIRES || !jerry_value_is_function (args[1]))
  {
    return wrong ("hostReceive takes a port and a function");
  }
  keep (RECEIVER + (uint32_t) port, args[1]);
  return jerry_undefined ();
}

EXTERNAL (host_flash_read)
{
  (void) info;
  size_t length = 0;
  uint8_t *out = count > 1 ? bytes_of (args[1], &length) : NULL;
  return jerry_boolean (out && flash_read ((uint32_t) jerry_value_as_number (args[0]), out, length));
}

EXTERNAL (host_flash_program)
{
  (void) info;
  size_t length = 0;
  uint8_t *bytes = count > 1 ? bytes_of (args[1], &length) : NULL;
  return jerry_boolean (bytes && flash_program ((uint32_t) jerry_value_as_number (args[0]), bytes, length));
}

EXTERNAL (host_flash_erase)
{
  (void) info;
  return jerry_boolean (count > 0 && flash_erase ((uint32_t) jerry_value_as_number (args[0])));
}

EXTERNAL (host_supply)
{
  (void) info, (void) args, (void) count;
  return jerry_number (millivolts);
}

EXTERNAL (host_event)
{
  (void) info;
  int event = count > 1 ? (int) jerry_value_as_number (args[0]) : -1;
  if (event < 0 || event > ON_CONTACT - ON_POWER_FAIL || !jerry_value_is_function (args[1]))
  {
    return wrong ("hostEvent takes the number of an event and a function");
  }
  keep (ON_POWER_FAIL + (uint32_t) event, args[1]);
  return jerry_undefined ();
}

EXTERNAL (host_sink)
{
  (void) info;
  size_t length = 0;
  uint8_t *bytes = count > 0 ? bytes_of (args[0], &length) : NULL;
  if (bytes && (fwrite (bytes, 1, length, sink) != length || fflush (sink) != 0))
  {
    return wrong ("the sink takes no more bytes");
  }
  return jerry_undefined ();
}

/* Outside the engine's heap, so that it never moves and an overwrite reaches the one copy; never swapped out. */
EXTERNAL (host_key_memory)
{
  (void) info;
  static uint8_t memory[KEY_MEMORY];
  jerry_length_t length = count > 0 ? (jerry_length_t) jerry_value_as_number (args[0]) : 0;
  if (length == 0 || length > KEY_MEMORY || mlock (memory, sizeof (memory)) != 0)
  {
    return wrong ("hostKeyMemory takes at most 512 bytes, in memory that can be locked");
  }
  jerry_value_t buffer = jerry_arraybuffer_external (memory, length, NULL);
  jerry_value_t array = jerry_typedarray_with_buffer (JERRY_TYPEDARRAY_UINT8, buffer);
  jerry_value_free (buffer);
  return array;
}

static void install (void)
{
  static const struct
  {
    const char *name;
    jerry_external_handler_t handler;
  } members[] = {
    { "hostNow", host_now },
    { "hostAfter", host_after },
    { "hostCancel", host_cancel },
    { "hostRandom", host_random },
    { "hostWrite", host_write },
    { "hostReceive", host_receive },
    { "hostFlashRead", host_flash_read },
    { "hostFlashProgram", host_flash_program },
    { "hostFlashErase", host_flash_erase },
    { "hostSupply", host_supply },
    { "hostEvent", host_event },
    { "hostSink", host_sink },
    { "hostKeyMemory", host_key_memory },
  };
  jerry_value_t global = jerry_current_realm ();
  jerry_value_t object = jerry_object ();
  for (size_t i = 0; i < sizeof (members) / sizeof (members[0]); i++)
  {
    jerry_value_t function = jerry_function_external (members[i].handler);
    jerry_value_free (jerry_object_set_sz (object, members[i].name, function));
    jerry_value_free (function);
  }
  jerry_value_free (jerry_object_set_sz (global, "leydenHost", object));
  jerry_value_free (object);
  jerry_value_free (global);
  jerryx_register_global ("print", jerryx_handler_print);
}

static void move_pin (const char *line)
{
  switch (line[0])
  {
    case 'V':
      millivolts = atof (line + 1);
      break;
    case 'F':
      call (ON_POWER_FAIL, NULL);
      break;
    case 'T':
      call (ON_TAMPER, NULL);
      break;
    case 'B':
      call (ON_PRESS, NULL);
      break;
    case 'C':
    {
      docked = line[1] == '1';
      jerry_value_t state = jerry_boolean (docked);
      call (ON_CONTACT, &state);
      jerry_value_free (state);
      break;
    }
  }
}

static void bench (const uint8_t *bytes, size_t length)
{
  static char line[32];
  static size_t filled;
  for (size_t i = 0; i < length; i++)
  {
    if (bytes[i] == '\n')
    {
      line[filled] = 0;
      filled = 0;
      move_pin (line);
    }
    else if (filled < sizeof (line) - 1)
    {
      line[filled++] = (char) bytes[i];
    }
  }
}

/* Gives what came on `port` to whom it is for. False when the other side has closed the wire. */
static bool receive (int port)
{
  uint8_t bytes[1024];
  ssize_t count = read (port_descriptor (port), bytes, sizeof (bytes));
  if (count <= 0)
  {
    return count < 0 && (errno == EAGAIN || errno == EINTR);
  }
  if (port == BENCH)
  {
    bench (bytes, (size_t) count);
  }
  else if (used[RECEIVER + port])
  {
    jerry_value_t array = jerry_typedarray (JERRY_TYPEDARRAY_UINT8, (jerry_length_t) count);
    size_t length = 0;
    memcpy (bytes_of (array, &length), bytes, (size_t) count);
    call (RECEIVER + (uint32_t) port, &array);
    jerry_value_free (array);
  }
  return true;
}

/* Runs timers and wires until every wire is closed. */
static void loop (void)
{
  bool open[WIRES + 1];
  for (int port = 0; port <= BENCH; port++)
  {
    open[port] = port_descriptor (port) >= 0;
  }
  for (;;)
  {
    struct pollfd polls[WIRES + 1];
    bool any = false;
    for (int port = 0; port <= BENCH; port++)
    {
      polls[port] = (struct pollfd) { .fd = open[port] ? port_descriptor (port) : -1, .events = POLLIN };
      any = any || open[port];
    }
    if (!any && timer_wait () < 0)
    {
      return;
    }
    poll (polls, WIRES + 1, timer_wait ());
    for (int port = 0; port <= BENCH; port++)
    {
      if (open[port] && polls[port].revents)
      {
        open[port] = receive (port);
      }
    }
    for (uint32_t index = timer_due (); index; index = timer_due ())
    {
      jerry_value_t handler = jerry_value_copy (handlers[index]);
      jerry_value_t self = jerry_undefined ();
      drop (index);
      must (jerry_call (handler, self, NULL, 0));
      jerry_value_free (self);
      jerry_value_free (handler);
    }
  }
}

/* All of a file; the caller frees it. NULL when it cannot be read. */
jerry_char_t *load (const char *path, size_t *length)
{
  FILE *file = fopen (path, "rb");
  jerry_char_t *text = NULL;
  if (file && fseek (file, 0, SEEK_END) == 0)
  {
    long size = ftell (file);
    rewind (file);
    text = size >= 0 ? malloc ((size_t) size + 1) : NULL;
    *length = text ? fread (text, 1, (size_t) size, file) : 0;
  }
  if (file)
  {
    fclose (file);
  }
  return text;
}

int main (int argc, char **argv)
{
  size_t length = 0;
  if (argc > 3 && strcmp (argv[1], "--lockstep") == 0)
  {
    return lockstep (argv + 2);
  }
  if (argc < 4)
  {
    fprintf (stderr, "usage: host BUNDLE FLASH SINK [DEVICE...]\n");
    return 2;
  }
  jerry_char_t *source = load (argv[1], &length);
  if (!source)
  {
    fprintf (stderr, "host: cannot read the bundle \"%s\"\n", argv[1]);
    return 2;
  }
  sink = fopen (argv[3], "wb");
  if (!flash_open (argv[2]) || !sink)
  {
    fprintf (stderr, "host: cannot open \"%s\" and \"%s\" for writing\n", argv[2], argv[3]);
    return 2;
  }
  for (int port = 0; port <= BENCH; port++)
  {
    if (port < WIRES && argc > 4 + port)
    {
      if (!port_open (port, argv[4 + port]))
      {
        fprintf (stderr, "host: there is no serial device \"%s\"\n", argv[4 + port]);
        return 2;
      }
    }
    else if (argc == 4 || port == BENCH)
    {
      port_inherit (port, 3 + port);
    }
  }
  signal (SIGPIPE, SIG_IGN); /* a wire that was pulled is no reason to end */
  jerry_init (JERRY_INIT_EMPTY);
  install ();
  jerry_value_t script = jerry_parse (source, length, NULL);
  free (source);
  if (jerry_value_is_exception (script))
  {
    must (script);
  }
  must (jerry_run (script));
  jerry_value_free (script);
  loop ();
  return 0;
}
