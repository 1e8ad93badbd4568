#include "bicubic.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Sixteen rows are made at a time: filtered from top to bottom, sixteen pixels at once; turned into columns of sixteen;
// filtered from left to right, sixteen rows at once; and turned back. So neither filter gathers single pixels, which is
// where swscale's time goes.
enum { LANES = 16, MAX_TAPS = 16, FRACTION = 6 };

#define AVX2 __attribute__((target("avx2")))
#define UNROLLED __attribute__((target("avx2"), always_inline)) inline

// axis says which samples make each output sample: some from pos on, with weights of 15 bits.
typedef struct {
	int in, out;
	int *pos;
	int32_t *weights; // each in both halves, as it is broadcast
} axis;

struct castnet_bicubic {
	int taps; // samples that make one
	axis x, y;
	int pitch;        // of rows and columns: the input's width, rounded up
	int16_t *rows;    // LANES of them, FRACTION bits behind the point
	__m256i *columns; // the same, turned
};

// kernel is the cubic of Mitchell and Netravali (1988) with swscale's defaults: B = 0, C = 0.6.
static double kernel(double x) {
	const double c = 0.6;
	x = fabs(x);
	if (x < 1)
		return ((2 - c) * x - 3 + c) * x * x + 1;
	if (x < 2)
		return ((-c * x + 5 * c) * x - 8 * c) * x + 4 * c;
	return 0;
}

static double widening(int in, int out) { return in > out ? (double)in / out : 1; }

static int reach(int in, int out) { return 2 * (int)ceil(2 * widening(in, out)); }

static int clamp(int v, int low, int high) { return v < low ? low : v > high ? high : v; }

// weigh spreads the kernel over the samples around output sample o. Beyond the edge the last sample repeats.
static void weigh(const axis *a, int taps, int o) {
	double wide = widening(a->in, a->out), centre = (o + 0.5) * a->in / a->out - 0.5;
	int first = (int)floor(centre) - taps / 2 + 1, pos = clamp(first, 0, a->in - taps);
	double share[MAX_TAPS] = {0}, sum = 0;
	for (int i = first; i < first + taps; i++) {
		double v = kernel((i - centre) / wide);
		share[clamp(i, 0, a->in - 1) - pos] += v;
		sum += v;
	}
	int weights[MAX_TAPS], most = 0, left = 1 << 15;
	for (int k = 0; k < taps; k++) {
		weights[k] = (int)lrint(share[k] / sum * (1 << 15));
		left -= weights[k];
		if (weights[k] > weights[most])
			most = k;
	}
	weights[most] += left; // grey stays grey
	for (int k = 0; k < taps; k++)
		a->weights[o * taps + k] = (uint16_t)clamp(weights[k], INT16_MIN, INT16_MAX) * 0x10001u;
	a->pos[o] = pos;
}

static int axis_init(axis *a, int taps, int in, int out) {
	if (taps > MAX_TAPS || taps > in)
		return -1;
	a->in = in;
	a->out = out;
	a->pos = malloc(out * sizeof(*a->pos));
	a->weights = malloc((size_t)out * taps * sizeof(*a->weights));
	if (!a->pos || !a->weights)
		return -1;
	for (int o = 0; o < out; o++)
		weigh(a, taps, o);
	return 0;
}

castnet_bicubic *castnet_bicubic_new(int w, int h, int to_w, int to_h) {
	if (!__builtin_cpu_supports("avx2") || w <= 0 || h <= 0 || to_w <= 0 || to_h <= 0)
		return NULL;
	castnet_bicubic *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	int across = reach(w, to_w), down = reach(h, to_h);
	b->taps = across > down ? across : down;
	b->pitch = (w + LANES - 1) / LANES * LANES;
	size_t size = (size_t)b->pitch * LANES * sizeof(int16_t);
	b->rows = aligned_alloc(sizeof(__m256i), size);
	b->columns = aligned_alloc(sizeof(__m256i), size);
	if (!b->rows || !b->columns || axis_init(&b->x, b->taps, w, to_w) < 0 || axis_init(&b->y, b->taps, h, to_h) < 0) {
		castnet_bicubic_free(b);
		return NULL;
	}
	memset(b->rows, 0, size); // the last strip may fill only some
	return b;
}

void castnet_bicubic_free(castnet_bicubic *b) {
	if (!b)
		return;
	free(b->x.pos);
	free(b->x.weights);
	free(b->y.pos);
	free(b->y.weights);
	free(b->rows);
	free(b->columns);
	free(b);
}

// filter_row makes output row o, as wide as the input, and leaves it in out.
static UNROLLED void filter_row(const int taps, const castnet_bicubic *b, int o, const uint8_t *src, ptrdiff_t stride, int16_t *out) {
	__m256i weights[MAX_TAPS];
	for (int k = 0; k < taps; k++)
		weights[k] = _mm256_set1_epi32(b->y.weights[o * taps + k]);
	src += b->y.pos[o] * stride;
	for (int x = 0; x < b->pitch; x += LANES) {
		__m256i sum = _mm256_setzero_si256();
		for (int k = 0; k < taps; k++) {
			__m256i v = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(src + k * stride + x)));
			sum = _mm256_add_epi16(sum, _mm256_mulhrs_epi16(_mm256_slli_epi16(v, FRACTION), weights[k]));
		}
		_mm256_store_si256((__m256i *)(out + x), sum);
	}
}

// transpose turns 8x8 samples in each half.
static UNROLLED void transpose(__m256i v[8]) {
	__m256i a[8], b[8];
	for (int i = 0; i < 8; i += 2) {
		a[i] = _mm256_unpacklo_epi16(v[i], v[i + 1]);
		a[i + 1] = _mm256_unpackhi_epi16(v[i], v[i + 1]);
	}
	for (int i = 0; i < 8; i += 4)
		for (int j = 0; j < 2; j++) {
			b[i + 2 * j] = _mm256_unpacklo_epi32(a[i + j], a[i + j + 2]);
			b[i + 2 * j + 1] = _mm256_unpackhi_epi32(a[i + j], a[i + j + 2]);
		}
	for (int i = 0; i < 4; i++) {
		v[2 * i] = _mm256_unpacklo_epi64(b[i], b[i + 4]);
		v[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 4]);
	}
}

// turn makes columns of the rows.
AVX2 static void turn(const castnet_bicubic *b) {
	for (int x = 0; x < b->pitch; x += 8) {
		__m256i v[8];
		for (int i = 0; i < 8; i++) {
			const int16_t *row = b->rows + i * b->pitch + x;
			__m128i upper = _mm_load_si128((const __m128i *)row), lower = _mm_load_si128((const __m128i *)(row + 8 * b->pitch));
			v[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(upper), lower, 1);
		}
		transpose(v);
		for (int i = 0; i < 8; i++)
			b->columns[x + i] = v[i];
	}
}

// filter_columns makes eight output columns from x on, turned back into rows. Those past the last are the last.
static UNROLLED void filter_columns(const int taps, const castnet_bicubic *b, int x, __m256i out[8]) {
	for (int i = 0; i < 8; i++) {
		int o = x + i < b->x.out ? x + i : b->x.out - 1;
		const int32_t *weights = b->x.weights + o * taps;
		const __m256i *column = b->columns + b->x.pos[o];
		__m256i sum = _mm256_set1_epi16(1 << (FRACTION - 1)); // to round
		for (int k = 0; k < taps; k++)
			sum = _mm256_add_epi16(sum, _mm256_mulhrs_epi16(column[k], _mm256_set1_epi32(weights[k])));
		out[i] = _mm256_srai_epi16(sum, FRACTION);
	}
	transpose(out);
}

// filter_strip makes count output rows of the columns.
static UNROLLED void filter_strip(const int taps, const castnet_bicubic *b, uint8_t *dst, ptrdiff_t stride, int count) {
	for (int x = 0; x < b->x.out; x += LANES) {
		__m256i left[8], right[8];
		filter_columns(taps, b, x, left);
		filter_columns(taps, b, x + 8, right);
		uint8_t block[LANES][LANES];
		for (int i = 0; i < 8; i++) {
			__m256i both = _mm256_packus_epi16(left[i], right[i]);
			_mm_storeu_si128((__m128i *)block[i], _mm256_castsi256_si128(both));
			_mm_storeu_si128((__m128i *)block[i + 8], _mm256_extracti128_si256(both, 1));
		}
		int width = b->x.out - x;
		for (int r = 0; r < count; r++)
			if (width >= LANES)
				memcpy(dst + r * stride + x, block[r], LANES); // one store
			else
				memcpy(dst + r * stride + x, block[r], width);
	}
}

static UNROLLED void scale(const int taps, castnet_bicubic *b, uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride) {
	for (int y = 0; y < b->y.out; y += LANES) {
		int count = b->y.out - y < LANES ? b->y.out - y : LANES;
		for (int r = 0; r < count; r++)
			filter_row(taps, b, y + r, src, src_stride, b->rows + r * b->pitch);
		turn(b);
		filter_strip(taps, b, dst + y * dst_stride, dst_stride, count);
	}
}

// With the number of taps known the compiler keeps weights in registers.
AVX2 void castnet_bicubic_scale(castnet_bicubic *b, uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride) {
	switch (b->taps) {
	case 4: scale(4, b, dst, dst_stride, src, src_stride); break;
	case 6: scale(6, b, dst, dst_stride, src, src_stride); break;
	case 8: scale(8, b, dst, dst_stride, src, src_stride); break;
	default: scale(b->taps, b, dst, dst_stride, src, src_stride);
	}
}

#else // swscale does it

castnet_bicubic *castnet_bicubic_new(int w, int h, int to_w, int to_h) { return NULL; }
void castnet_bicubic_scale(castnet_bicubic *b, uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride) {}
void castnet_bicubic_free(castnet_bicubic *b) {}

#endif
