/* NOR flash in a file, by pread and pwrite, so that killing the process at any point leaves what was written. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host.h"

static int file = -1;

static bool inside (uint32_t address, size_t length)
{
  return file >= 0 && address <= FLASH_LENGTH && length <= FLASH_LENGTH - address;
}

/* Opens `path`; a new file is filled with erased bytes. */
bool flash_open (const char *path)
{
  struct stat status;
  uint8_t page[FLASH_PAGE];

  file = open (path, O_RDWR | O_CREAT, 0600);
  if (file < 0 || fstat (file, &status) != 0)
  {
    return false;
  }
  memset (page, 0xFF, sizeof (page));
  for (off_t at = status.st_size; at < FLASH_LENGTH; at += FLASH_PAGE)
  {
    if (pwrite (file, page, sizeof (page), at) != (ssize_t) sizeof (page))
    {
      return false;
    }
  }
  return true;
}

bool flash_read (uint32_t address, uint8_t *out, size_t length)
{
  return inside (address, length) && pread (file, out, length, address) == (ssize_t) length;
}

bool flash_program (uint32_t address, const uint8_t *bytes, size_t length)
{
  uint8_t held[256];

  if (!inside (address, length))
  {
    return false;
  }
  while (length > 0)
  {
    size_t count = length < sizeof (held) ? length : sizeof (held);
    if (pread (file, held, count, address) != (ssize_t) count)
    {
      return false;
    }
    for (size_t i = 0; i < count; i++)
    {
      held[i] &= bytes[i];
    }
    if (pwrite (file, held, count, address) != (ssize_t) count)
    {
      return false;
    }
    address += (uint32_t) count;
    bytes += count;
    length -= count;
  }
  return true;
}

bool flash_erase (uint32_t address)
{
  uint8_t page[FLASH_PAGE];
  uint32_t start = address - address % FLASH_PAGE;

  memset (page, 0xFF, sizeof (page));
  return inside (start, FLASH_PAGE) && pwrite (file, page, FLASH_PAGE, start) == FLASH_PAGE;
}
