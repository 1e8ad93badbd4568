package frame

/*
#cgo pkg-config: libavcodec libavutil libswscale
#cgo CFLAGS: -O3
#cgo LDFLAGS: -lm
#include <string.h>
#include <libavcodec/avcodec.h>
#include <libavutil/display.h>
#include <libswscale/swscale.h>
#include "bicubic.h"

static int castnet_patched(void) { return strstr(avcodec_configuration(), "--extra-version=castnet") != NULL; }

static void castnet_flush(void *c) { avcodec_flush_buffers(c); }

static enum AVPixelFormat castnet_format(AVCodecContext *c, const enum AVPixelFormat *offered) {
	for (const enum AVPixelFormat *f = offered; *f != AV_PIX_FMT_NONE; f++)
		if (*f == AV_PIX_FMT_CUDA)
			return *f;
	return avcodec_default_get_format(c, offered);
}

static void castnet_prefer_card(void *c) { ((AVCodecContext *)c)->get_format = castnet_format; }

static void castnet_reorder(void *c, int n) { ((AVCodecContext *)c)->has_b_frames = n; }

// Whether the memory of a few pictures can still be had.
static int castnet_memory(void) {
	const size_t size = 8 << 20;
	char *p = av_malloc(size);
	int there = p != NULL;
	av_free(p);
	return there;
}

static int castnet_send(void *c, const void *data, int size, int64_t pts, int64_t dts) {
	AVPacket *p = av_packet_alloc();
	int ret = p ? av_new_packet(p, size) : AVERROR(ENOMEM);
	if (ret >= 0) {
		memcpy(p->data, data, size);
		p->pts = pts;
		p->dts = dts;
		ret = avcodec_send_packet(c, p);
	}
	av_packet_free(&p);
	return ret;
}

typedef struct {
	int interlaced, space, primaries, transfer, rotation;
	const void *captions;
	size_t captions_size;
} castnet_look;

static void castnet_inspect(void *frame, castnet_look *l) {
	AVFrame *f = frame;
	AVFrameSideData *captions = av_frame_get_side_data(f, AV_FRAME_DATA_A53_CC);
	AVFrameSideData *matrix = av_frame_get_side_data(f, AV_FRAME_DATA_DISPLAYMATRIX);
	memset(l, 0, sizeof(*l));
	l->interlaced = !!(f->flags & AV_FRAME_FLAG_INTERLACED);
	l->space = f->colorspace;
	l->primaries = f->color_primaries;
	l->transfer = f->color_trc;
	if (captions) {
		l->captions = captions->data;
		l->captions_size = captions->size;
	}
	if (matrix && matrix->size >= 9 * sizeof(int32_t)) {
		double angle = av_display_rotation_get((int32_t *)matrix->data);
		if (angle == angle) // not a number where the matrix is no rotation
			l->rotation = ((int)angle % 360 + 360) % 360;
	}
}

static int castnet_dress(void *frame, const void *captions, size_t size) {
	AVFrame *f = frame;
	while (f->nb_side_data > 0)
		av_frame_remove_side_data(f, f->side_data[0]->type);
	if (size > 0) {
		AVFrameSideData *s = av_frame_new_side_data(f, AV_FRAME_DATA_A53_CC, size);
		if (!s)
			return AVERROR(ENOMEM);
		memcpy(s->data, captions, size);
	}
	return 0;
}

static void *castnet_scaler(int w, int h, int format, int full, int to_w, int to_h, int to_format, int to_full, int mean) {
	struct SwsContext *c = sws_getContext(w, h, format, to_w, to_h, to_format, mean ? SWS_AREA : SWS_BICUBIC, NULL, NULL, NULL);
	const int *yuv = sws_getCoefficients(SWS_CS_DEFAULT); // the same on both sides: the matrix stays
	if (c && full != to_full && sws_setColorspaceDetails(c, yuv, full, yuv, to_full, 0, 1 << 16, 1 << 16) < 0) {
		sws_freeContext(c);
		return NULL;
	}
	return c;
}

static int castnet_scale(void *c, void *dst, const void *src) { return sws_scale_frame(c, dst, src); }

static void castnet_scaler_free(void *c) { sws_freeContext(c); }

static void castnet_scale_planes(castnet_bicubic *luma, castnet_bicubic *chroma, void *to, const void *from) {
	AVFrame *dst = to;
	const AVFrame *src = from;
	for (int i = 0; i < 3; i++)
		castnet_bicubic_scale(i ? chroma : luma, dst->data[i], dst->linesize[i], src->data[i], src->linesize[i]);
}
*/
import "C"

import (
	"unsafe"

	"github.com/asticode/go-astiav"
)

// What go-astiav does not wrap, or wraps without what is needed here.

// memoryLeft reports whether the memory of a few pictures can still be had.
func memoryLeft() bool { return C.castnet_memory() != 0 }

// Patched reports whether this is the FFmpeg that deploy/deps/ffmpeg.sh builds, with its patches.
func Patched() bool { return C.castnet_patched() != 0 }

// flush forgets the decoder's pictures and its end of stream, and keeps its parameter sets.
func flush(c *astiav.CodecContext) { C.castnet_flush(c.UnsafePointer()) }

// preferCard makes a decoder leave pictures on the card where it can: go-astiav's callback into Go costs a map and a lock.
func preferCard(c *astiav.CodecContext) { C.castnet_prefer_card(c.UnsafePointer()) }

// setReorder sets the decoder's reorder depth before it is opened, as libavformat does: a stream whose parameter sets
// don't tell it would lose pictures while libav finds out.
func setReorder(c *astiav.CodecContext, n int) { C.castnet_reorder(c.UnsafePointer(), C.int(n)) }

// send hands coded data to a decoder: go-astiav's Packet.FromData leaves out the padding past the end that libav's bit
// readers run into. data is copied once and is not empty.
func send(c *astiav.CodecContext, data []byte, pts, dts int64) error {
	ret := C.castnet_send(c.UnsafePointer(), unsafe.Pointer(&data[0]), C.int(len(data)), C.int64_t(pts), C.int64_t(dts))
	return failure(ret)
}

func failure(ret C.int) error {
	if ret < 0 {
		return astiav.Error(ret)
	}
	return nil
}

// Colours says how samples become light. It is part of the coded stream's header.
type Colours struct {
	Space     astiav.ColorSpace
	Primaries astiav.ColorPrimaries
	Transfer  astiav.ColorTransferCharacteristic
}

// Look is what a decoded picture says of itself beside its samples.
type Look struct {
	Interlaced bool
	Colours    Colours
	Rotation   int    // to show it upright: degrees anticlockwise, 0 to 359
	Captions   []byte // CEA-708 triplets (ATSC A/53 part 4)
}

// Inspect looks at a frame.
func Inspect(f *astiav.Frame) Look {
	var l C.castnet_look
	C.castnet_inspect(f.UnsafePointer(), &l)
	if l.space == C.AVCOL_SPC_RGB { // swscale makes BT.601 of red, green and blue; libaom aborts where 4:2:0 is said to be them
		l.space = C.AVCOL_SPC_SMPTE170M
	}
	return Look{
		Interlaced: l.interlaced != 0,
		Colours: Colours{
			Space: astiav.ColorSpace(l.space), Primaries: astiav.ColorPrimaries(l.primaries),
			Transfer: astiav.ColorTransferCharacteristic(l.transfer),
		},
		Rotation: int(l.rotation),
		Captions: C.GoBytes(l.captions, C.int(l.captions_size)),
	}
}

// Dress takes all side data off a frame and gives it captions: what else a source carries is not for an encoder.
func Dress(f *astiav.Frame, captions []byte) error {
	return failure(C.castnet_dress(f.UnsafePointer(), unsafe.Pointer(unsafe.SliceData(captions)), C.size_t(len(captions))))
}

// swscale is one conversion of size, format and range; nil is none.
type swscale struct{ c unsafe.Pointer }

// newSwscale returns nil for a conversion that libswscale refuses. Bicubic is the ffmpeg command line's default too; with
// mean every sample is instead the mean of those that it stands for.
func newSwscale(from, to Shape, mean bool) *swscale {
	c := C.castnet_scaler(C.int(from.Width), C.int(from.Height), C.int(from.Format), truth(from.Full),
		C.int(to.Width), C.int(to.Height), C.int(to.Format), truth(to.Full), truth(mean))
	if c == nil {
		return nil
	}
	return &swscale{c}
}

func (s *swscale) scale(src, dst *astiav.Frame) error {
	return failure(C.castnet_scale(s.c, dst.UnsafePointer(), src.UnsafePointer()))
}

func (s *swscale) free() {
	if s != nil {
		C.castnet_scaler_free(s.c)
	}
}

// bicubic scales 8-bit 4:2:0 in the same range, faster than swscale does; nil is none, where swscale has to do it.
type bicubic struct{ luma, chroma *C.castnet_bicubic }

// newBicubic returns nil for what swscale has to do.
func newBicubic(from, to Shape) *bicubic {
	if from.Format != astiav.PixelFormatYuv420P || to.Format != from.Format || from.Full != to.Full {
		return nil
	}
	half := func(n int) C.int { return C.int((n + 1) / 2) }
	b := &bicubic{
		luma:   C.castnet_bicubic_new(C.int(from.Width), C.int(from.Height), C.int(to.Width), C.int(to.Height)),
		chroma: C.castnet_bicubic_new(half(from.Width), half(from.Height), half(to.Width), half(to.Height)),
	}
	if b.luma == nil || b.chroma == nil {
		b.free()
		return nil
	}
	return b
}

func (b *bicubic) scale(src, dst *astiav.Frame) {
	C.castnet_scale_planes(b.luma, b.chroma, dst.UnsafePointer(), src.UnsafePointer())
}

func (b *bicubic) free() {
	if b != nil {
		C.castnet_bicubic_free(b.luma)
		C.castnet_bicubic_free(b.chroma)
	}
}

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
