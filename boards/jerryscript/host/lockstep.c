/*
 * Runs scripts that reach everything outside the engine over two pipes, one message at a time: the simulator is their clock, wires and
 * flash then, and time stands still while they run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "jerryscript-ext/handlers.h"
#include "jerryscript-ext/properties.h"

#include "host.h"

static int in;
static int out;

/* A Uint8Array of so many bytes; ends the program when the other side has. */
EXTERNAL (pipe_read)
{
  (void) info;
  size_t length = 0;
  jerry_value_t array = jerry_typedarray (JERRY_TYPEDARRAY_UINT8, count > 0 ? (jerry_length_t) jerry_value_as_number (args[0]) : 0);
  uint8_t *bytes = bytes_of (array, &length);
  for (size_t at = 0; at < length;)
  {
    ssize_t got = read (in, bytes + at, length - at);
    if (got > 0)
    {
      at += (size_t) got;
    }
    else if (got == 0 || errno != EINTR)
    {
      exit (0);
    }
  }
  return array;
}

EXTERNAL (pipe_write)
{
  (void) info;
  size_t length = 0;
  uint8_t *bytes = count > 0 ? bytes_of (args[0], &length) : NULL;
  for (size_t at = 0; bytes && at < length;)
  {
    ssize_t put = write (out, bytes + at, length - at);
    if (put > 0)
    {
      at += (size_t) put;
    }
    else if (errno != EINTR)
    {
      exit (0);
    }
  }
  return jerry_undefined ();
}

int lockstep (char **names)
{
  in = open (names[0], O_RDONLY);
  out = open (names[1], O_WRONLY);
  if (in < 0 || out < 0)
  {
    fprintf (stderr, "host: cannot open the pipes \"%s\" and \"%s\"\n", names[0], names[1]);
    return 2;
  }
  jerry_init (JERRY_INIT_EMPTY);
  jerryx_register_global ("print", jerryx_handler_print);
  jerryx_register_global ("$pipeRead", pipe_read);
  jerryx_register_global ("$pipeWrite", pipe_write);
  for (char **name = names + 2; *name; name++)
  {
    size_t length = 0;
    jerry_char_t *source = load (*name, &length);
    if (!source)
    {
      fprintf (stderr, "host: cannot read \"%s\"\n", *name);
      return 2;
    }
    jerry_value_t script = jerry_parse (source, length, NULL);
    free (source);
    if (jerry_value_is_exception (script))
    {
      must (script);
    }
    must (jerry_run (script));
    jerry_value_free (script);
  }
  return 0;
}
