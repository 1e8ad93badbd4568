package av

/*
#cgo pkg-config: libavcodec libavutil
#include <string.h>
#include <libavcodec/avcodec.h>

static void castnet_flush(void *c) { avcodec_flush_buffers(c); }

static void castnet_reorder(void *c, int n) { ((AVCodecContext *)c)->has_b_frames = n; }

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
*/
import "C"

import (
	"unsafe"

	"github.com/asticode/go-astiav"
)

// flush forgets the decoder's pictures and its end of stream, and keeps its parameter sets: go-astiav does not wrap it.
func flush(c *astiav.CodecContext) { C.castnet_flush(c.UnsafePointer()) }

// setReorder sets the decoder's reorder depth before it is opened, as libavformat does: a stream whose parameter sets
// don't tell it would lose pictures while libav finds out.
func setReorder(c *astiav.CodecContext, n int) { C.castnet_reorder(c.UnsafePointer(), C.int(n)) }

// send hands coded data to a decoder. It is here because go-astiav's Packet.FromData leaves out the padding past the
// end that libav's bit readers run into. data is copied once and is not empty.
func send(c *astiav.CodecContext, data []byte, pts, dts int64) error {
	ret := C.castnet_send(c.UnsafePointer(), unsafe.Pointer(&data[0]), C.int(len(data)), C.int64_t(pts), C.int64_t(dts))
	if ret < 0 {
		return astiav.Error(ret)
	}
	return nil
}
