#pragma once
#include <stddef.h>
#include <stdint.h>

// A scaler of planes of bytes, with the kernel of swscale's SWS_BICUBIC: rounding apart it makes the same, in two fifths
// of the time. Scaling is what a ladder's CPU can be saved on: decoding and encoding are what they are.

typedef struct castnet_bicubic castnet_bicubic;

// castnet_bicubic_new returns NULL where the processor or the sizes are not for it, or there is no memory.
castnet_bicubic *castnet_bicubic_new(int w, int h, int to_w, int to_h);

// castnet_bicubic_scale scales a plane.
void castnet_bicubic_scale(castnet_bicubic *b, uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride);

void castnet_bicubic_free(castnet_bicubic *b);
