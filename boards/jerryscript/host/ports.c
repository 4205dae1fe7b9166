/* Wires: an inherited descriptor (a socket or pipe of whoever started this), or a serial device opened here, 8N1 at 115,200 baud. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>
#include "host.h"

static int descriptors[WIRES + 1] = { -1, -1, -1, -1 };

void port_inherit (int port, int descriptor)
{
  if (fcntl (descriptor, F_GETFD) >= 0)
  {
    fcntl (descriptor, F_SETFL, fcntl (descriptor, F_GETFL) | O_NONBLOCK);
    descriptors[port] = descriptor;
  }
}

bool port_open (int port, const char *path)
{
  struct termios settings;
  int descriptor = open (path, O_RDWR | O_NOCTTY | O_NONBLOCK);

  if (descriptor < 0)
  {
    return false;
  }
  if (tcgetattr (descriptor, &settings) == 0)
  {
    cfmakeraw (&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    settings.c_cflag &= (tcflag_t) ~(CSTOPB | CRTSCTS);
    cfsetspeed (&settings, B115200);
    tcsetattr (descriptor, TCSANOW, &settings);
  }
  descriptors[port] = descriptor;
  return true;
}

int port_descriptor (int port)
{
  return descriptors[port];
}

/* Writes all of `bytes`, waiting where the other side is slow. False when the wire is gone. */
bool port_write (int port, const uint8_t *bytes, size_t length)
{
  while (length > 0)
  {
    ssize_t count = write (descriptors[port], bytes, length);
    if (count > 0)
    {
      bytes += count;
      length -= (size_t) count;
    }
    else if (count < 0 && (errno == EAGAIN || errno == EINTR))
    {
      struct pollfd wait = { .fd = descriptors[port], .events = POLLOUT };
      poll (&wait, 1, 1000);
    }
    else
    {
      return false;
    }
  }
  return true;
}
