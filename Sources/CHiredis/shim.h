#ifndef STINT_CHIREDIS_SHIM_H
#define STINT_CHIREDIS_SHIM_H

// `timeval` must be complete before hiredis' own headers name it.
#include <sys/time.h>

#if __has_include(<hiredis/hiredis.h>)
#include <hiredis/hiredis.h>
#else
#include <hiredis.h>
#endif

#endif
