#include "cresp.h"
int cresp_placeholder(void) { return 0; }
