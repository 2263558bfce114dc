/* Large pages for large blocks. */
#ifndef FC_HUGE_PAGES_H
#define FC_HUGE_PAGES_H

#include <stdint.h>

/* For a block that malloc has given; it need not begin or end with a page. A system that has no
 * large pages, or none to spare, takes no notice. */
void fc_ask_huge_pages(void *block, int64_t bytes);

#endif
