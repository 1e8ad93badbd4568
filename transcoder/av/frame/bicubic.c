#include "bicubic.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// An output row is made in two steps: the source rows around it become one row, as wide as the source, which is then
// filtered from left to right. Between the steps it stays in the nearest cache. Both steps multiply pairs of bytes by
// pairs of weights and add each pair (pmaddubsw): 32 products an instruction. From left to right a shuffle brings the
// bytes of eight neighbouring outputs to their weights at once; swscale gathers each output's for itself.
enum {
	MAX_TAPS = 16, // samples that make one: the source is at most four times as large
	VECTOR = 32,   // bytes
	LANE = 16,     // bytes that one shuffle chooses from
	HALF = 8,      // outputs that are made of a lane
	BLOCK = 2 * HALF,

	// The weights of an output add up to ONE. Two neighbours, which are at most 1.16 of it, must not exceed 128, or
	// products of 255 would not fit into 16 bits.
	ONE = 110,
	BACK = 298,          // 2^15 / ONE
	START = -128 * ONE,  // sums are of samples less 128, so that they fit, whatever the filter overshoots by
};

#define AVX2 __attribute__((target("avx2")))
#define UNROLLED __attribute__((target("avx2"), always_inline)) inline

// axis says which samples make each output: taps of them from pos on.
typedef struct {
	int in, out, taps;
	int *pos;
	int8_t *weights;
} axis;

// block is how BLOCK outputs of a row are made.
typedef struct {
	__m256i near, far; // the pairs of bytes of each half: which of a lane's, and which of the lane behind
	__m256i weights[MAX_TAPS / 2];
	int from[2]; // the first byte of each half
	int to;
} block;

struct castnet_bicubic {
	axis x, y;
	int blocks, far; // far: some pairs are in the lane behind
	block *block;
	uint8_t *row; // between the steps. Bytes behind its end are read, but not used
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

static int clamp(int v, int low, int high) { return v < low ? low : v > high ? high : v; }

// quantize makes integers of shares of 1, which add up to ONE: grey stays grey. What is left of rounding them goes where
// it errs least.
static void quantize(const double *share, int taps, int8_t *weights) {
	int left = ONE;
	for (int k = 0; k < taps; k++)
		left -= weights[k] = (int8_t)lrint(share[k] * ONE);
	for (int step = left > 0 ? 1 : -1; left != 0; left -= step) {
		int best = 0;
		for (int k = 1; k < taps; k++)
			if ((share[k] * ONE - weights[k]) * step > (share[best] * ONE - weights[best]) * step)
				best = k;
		weights[best] += step;
	}
}

// weigh spreads the kernel over the samples around output o. Beyond the edge the last sample repeats.
static int weigh(const axis *a, int o) {
	double wide = widening(a->in, a->out), centre = (o + 0.5) * a->in / a->out - 0.5;
	int first = (int)floor(centre) - a->taps / 2 + 1;
	double share[MAX_TAPS] = {0}, sum = 0;
	a->pos[o] = clamp(first, 0, a->in - a->taps);
	for (int i = first; i < first + a->taps; i++)
		sum += kernel((i - centre) / wide);
	for (int i = first; i < first + a->taps; i++)
		share[clamp(i, 0, a->in - 1) - a->pos[o]] += kernel((i - centre) / wide) / sum;
	int8_t *weights = a->weights + o * a->taps;
	quantize(share, a->taps, weights);
	for (int k = 0; k < a->taps; k += 2)
		if (weights[k] + weights[k + 1] > 128)
			return -1;
	return 0;
}

static int axis_init(axis *a, int in, int out) {
	*a = (axis){.in = in, .out = out, .taps = 2 * (int)ceil(2 * widening(in, out))};
	if (a->taps > MAX_TAPS || a->taps > in)
		return -1;
	a->pos = malloc(out * sizeof(*a->pos));
	a->weights = malloc((size_t)out * a->taps);
	if (!a->pos || !a->weights)
		return -1;
	for (int o = 0; o < out; o++)
		if (weigh(a, o) < 0)
			return -1;
	return 0;
}

// block_init says how the outputs from o on are made, and whether some of their bytes are far.
static int block_init(block *b, const axis *a, int o) {
	const uint8_t none = 0x80; // shuffles a zero in
	uint8_t near[VECTOR], far[VECTOR];
	int8_t weights[MAX_TAPS / 2][VECTOR] = {{0}};
	int reaches = 0;
	for (int i = 0; i < BLOCK; i++) {
		int first = a->pos[o + i / HALF * HALF];
		b->from[i / HALF] = first;
		for (int k = 0; k < 2; k++) {
			int at = a->pos[o + i] + k - first;
			near[2 * i + k] = at < LANE ? at : none;
			far[2 * i + k] = at < LANE ? none : at - LANE;
			reaches |= at >= LANE;
		}
		for (int k = 0; k < a->taps; k++)
			weights[k / 2][2 * i + k % 2] = a->weights[(o + i) * a->taps + k];
	}
	b->to = o;
	memcpy(&b->near, near, sizeof(near));
	memcpy(&b->far, far, sizeof(far));
	memcpy(b->weights, weights, sizeof(weights));
	return reaches;
}

castnet_bicubic *castnet_bicubic_new(int w, int h, int to_w, int to_h) {
	if (!__builtin_cpu_supports("avx2") || w < VECTOR || h <= 0 || to_w < BLOCK || to_h <= 0)
		return NULL;
	castnet_bicubic *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->blocks = (to_w + BLOCK - 1) / BLOCK;
	if (axis_init(&b->x, w, to_w) < 0 || axis_init(&b->y, h, to_h) < 0 ||
		!(b->row = calloc(1, w + 2 * VECTOR)) || !(b->block = aligned_alloc(VECTOR, b->blocks * sizeof(*b->block)))) {
		castnet_bicubic_free(b);
		return NULL;
	}
	for (int i = 0; i < b->blocks; i++) // the last overlaps the one before
		b->far |= block_init(&b->block[i], &b->x, i < b->blocks - 1 ? i * BLOCK : to_w - BLOCK);
	return b;
}

void castnet_bicubic_free(castnet_bicubic *b) {
	if (!b)
		return;
	free(b->x.pos);
	free(b->x.weights);
	free(b->y.pos);
	free(b->y.weights);
	free(b->block);
	free(b->row);
	free(b);
}

// filter_rows makes b->row of the source rows around output row o.
static UNROLLED void filter_rows(const int taps, const castnet_bicubic *b, int o, const uint8_t *src, ptrdiff_t stride) {
	const __m256i start = _mm256_set1_epi16(START), back = _mm256_set1_epi16(BACK), offset = _mm256_set1_epi8((char)128);
	const int8_t *w = b->y.weights + o * taps;
	__m256i weights[MAX_TAPS / 2];
	for (int k = 0; k < taps; k += 2)
		weights[k / 2] = _mm256_set1_epi16((int16_t)((uint8_t)w[k] | (uint8_t)w[k + 1] << 8));
	src += b->y.pos[o] * stride;
	for (int i = 0; i < b->x.in; i += VECTOR) {
		int x = i <= b->x.in - VECTOR ? i : b->x.in - VECTOR; // the last overlaps the one before
		__m256i low = start, high = start;
		for (int k = 0; k < taps; k += 2) {
			__m256i even = _mm256_loadu_si256((const __m256i *)(src + k * stride + x));
			__m256i odd = _mm256_loadu_si256((const __m256i *)(src + (k + 1) * stride + x));
			low = _mm256_add_epi16(low, _mm256_maddubs_epi16(_mm256_unpacklo_epi8(even, odd), weights[k / 2]));
			high = _mm256_add_epi16(high, _mm256_maddubs_epi16(_mm256_unpackhi_epi8(even, odd), weights[k / 2]));
		}
		__m256i both = _mm256_packs_epi16(_mm256_mulhrs_epi16(low, back), _mm256_mulhrs_epi16(high, back));
		_mm256_storeu_si256((__m256i *)(b->row + x), _mm256_xor_si256(both, offset)); // + 128
	}
}

static UNROLLED __m256i lanes(const uint8_t *left, const uint8_t *right) {
	__m128i l = _mm_loadu_si128((const __m128i *)left), r = _mm_loadu_si128((const __m128i *)right);
	return _mm256_inserti128_si256(_mm256_castsi128_si256(l), r, 1);
}

// filter_row makes an output row of b->row.
static UNROLLED void filter_row(const int taps, const int far, const castnet_bicubic *b, uint8_t *dst) {
	const __m256i start = _mm256_set1_epi16(START), back = _mm256_set1_epi16(BACK);
	for (int i = 0; i < b->blocks; i++) {
		const block *c = &b->block[i];
		const uint8_t *left = b->row + c->from[0], *right = b->row + c->from[1];
		__m256i sum = start;
		for (int k = 0; k < taps; k += 2) {
			__m256i pairs = _mm256_shuffle_epi8(lanes(left + k, right + k), c->near);
			if (far)
				pairs = _mm256_or_si256(pairs, _mm256_shuffle_epi8(lanes(left + k + LANE, right + k + LANE), c->far));
			sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(pairs, c->weights[k / 2]));
		}
		sum = _mm256_mulhrs_epi16(sum, back);
		__m128i all = _mm_packs_epi16(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
		_mm_storeu_si128((__m128i *)(dst + c->to), _mm_xor_si128(all, _mm_set1_epi8((char)128)));
	}
}

// With the number of taps known the compiler unrolls the loops over them and keeps weights in registers.
AVX2 static void rows(const castnet_bicubic *b, int o, const uint8_t *src, ptrdiff_t stride) {
	switch (b->y.taps) {
	case 4: filter_rows(4, b, o, src, stride); break;
	case 6: filter_rows(6, b, o, src, stride); break;
	case 8: filter_rows(8, b, o, src, stride); break;
	default: filter_rows(b->y.taps, b, o, src, stride);
	}
}

AVX2 static void row(const castnet_bicubic *b, uint8_t *dst) {
	switch (b->far ? 0 : b->x.taps) {
	case 4: filter_row(4, 0, b, dst); break;
	case 6: filter_row(6, 0, b, dst); break;
	case 8: filter_row(8, 0, b, dst); break;
	default: filter_row(b->x.taps, 1, b, dst);
	}
}

void castnet_bicubic_scale(castnet_bicubic *b, uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride) {
	for (int y = 0; y < b->y.out; y++) {
		rows(b, y, src, src_stride);
		row(b, dst + y * dst_stride);
	}
}

#else // swscale does it

castnet_bicubic *castnet_bicubic_new(int w, int h, int to_w, int to_h) { return NULL; }
void castnet_bicubic_scale(castnet_bicubic *b, uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride) {}
void castnet_bicubic_free(castnet_bicubic *b) {}

#endif
