/* A STUB of the NVIDIA driver's libraries, for tests on machines without a card: libcuda.so.1, libnvcuvid.so.1 and
 * libnvidia-encode.so.1, all three made of this file. It has one card, which decodes nothing, scales nothing and encodes
 * nothing, but says that it did: pictures are grey, and coded ones a few bytes, with the SEI or metadata that came with the
 * picture behind them. It fails as real drivers do where the file
 * "card" beside it says so, one "fault code" a line, read at each call:
 *
 *	init CODE      cuInit            (100: no device)
 *	create CODE    cuvidCreateDecoder (2: out of memory)
 *	decode CODE    cuvidDecodePicture (719: launch failed, 999: unknown)
 *	launch CODE    cuLaunchKernel
 *	version N      the newest version of the encoding interface that the driver knows, major * 16 + minor
 *	open CODE      nvEncOpenEncodeSessionEx (1: no encoder, 2: unsupported device, 10: session limit or memory)
 *	sessions N     encoding sessions that one process may have; one more gets code 10
 *	noav1 1        the encoder has no AV1
 *	encode CODE    nvEncEncodePicture (8: invalid call, 20: generic)
 *
 * Layouts and numbers are those of nvEncodeAPI.h 12.1, dynlink_cuviddec.h and dynlink_cuda.h (ffnvcodec), by offset, so
 * that the test needs no headers; another version of them is refused. With CASTNET_STUB_TELLS set it says on stderr how
 * encoders are set up.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fault(const char *name)
{
	Dl_info me;
	char path[4096], key[32];
	int value, found = 0;
	if (!dladdr((void *)fault, &me) || strlen(me.dli_fname) > sizeof(path) - 8)
		return 0;
	strcpy(path, me.dli_fname);
	strcpy(strrchr(path, '/'), "/card");
	FILE *f = fopen(path, "r");
	while (f && fscanf(f, "%31s %d", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	if (f)
		fclose(f);
	return found;
}

static uint32_t *u32(void *p, size_t offset) { return (uint32_t *)((char *)p + offset); }
static uint64_t *u64(void *p, size_t offset) { return (uint64_t *)((char *)p + offset); }
static void **ptr(void *p, size_t offset) { return (void **)((char *)p + offset); }

/* libcuda */

#define FINE(name) int name(void) { return 0; }
FINE(cuCtxSetLimit) FINE(cuCtxPushCurrent_v2) FINE(cuCtxDestroy_v2) FINE(cuMemsetD8Async) FINE(cuMemcpy) FINE(cuMemcpyAsync)
FINE(cuMemcpyHtoD_v2) FINE(cuMemcpyHtoDAsync_v2) FINE(cuMemcpyDtoH_v2) FINE(cuMemcpyDtoHAsync_v2) FINE(cuMemcpyDtoD_v2)
FINE(cuMemcpyDtoDAsync_v2) FINE(cuDevicePrimaryCtxRelease) FINE(cuDevicePrimaryCtxSetFlags) FINE(cuDevicePrimaryCtxReset)
FINE(cuStreamQuery) FINE(cuStreamSynchronize) FINE(cuStreamDestroy_v2) FINE(cuStreamAddCallback) FINE(cuStreamWaitEvent)
FINE(cuEventDestroy_v2) FINE(cuEventSynchronize) FINE(cuEventQuery) FINE(cuEventRecord) FINE(cuLinkCreate) FINE(cuLinkAddData)
FINE(cuLinkComplete) FINE(cuLinkDestroy) FINE(cuModuleUnload) FINE(cuModuleGetGlobal) FINE(cuTexObjectDestroy)
FINE(cuGLGetDevices_v2) FINE(cuGraphicsGLRegisterImage) FINE(cuGraphicsUnregisterResource) FINE(cuGraphicsMapResources)
FINE(cuGraphicsUnmapResources) FINE(cuGraphicsSubResourceGetMappedArray) FINE(cuGraphicsResourceGetMappedPointer_v2)
FINE(cuArrayCreate_v2) FINE(cuArray3DCreate_v2) FINE(cuArrayDestroy) FINE(cuMemAllocManaged) FINE(cuDevicePrimaryCtxGetState)

static int handle; /* what handles point to */

int cuInit(unsigned flags) { return fault("init"); }
int cuDriverGetVersion(int *v) { *v = 12040; return 0; }
int cuDeviceGetCount(int *n) { *n = 1; return 0; }
int cuDeviceGet(int *d, int i) { *d = i; return i ? 101 : 0; } /* 101: invalid device */
int cuDeviceGetAttribute(int *v, int what, int d) { *v = 512; return 0; } /* asked of: the alignment of textures */
int cuDeviceGetName(char *s, int n, int d) { snprintf(s, n, "stub card"); return 0; }
int cuDeviceComputeCapability(int *major, int *minor, int d) { *major = 9, *minor = 0; return 0; }
int cuCtxCreate_v2(void **c, unsigned flags, int d) { *c = &handle; return 0; }
int cuCtxGetCurrent(void **c) { *c = &handle; return 0; }
int cuCtxPopCurrent_v2(void **c) { *c = &handle; return 0; }
int cuCtxGetDevice(int *d) { *d = 0; return 0; }
int cuDevicePrimaryCtxRetain(void **c, int d) { *c = &handle; return 0; }
int cuStreamCreate(void **s, unsigned flags) { *s = &handle; return 0; }
int cuEventCreate(void **e, unsigned flags) { *e = &handle; return 0; }
int cuModuleLoadData(void **m, const void *image) { *m = &handle; return 0; }
int cuModuleGetFunction(void **f, void *m, const char *name) { *f = &handle; return 0; }
int cuTexObjectCreate(uint64_t *t, const void *r, const void *d, const void *v) { *t = 1; return 0; }
int cuLaunchKernel(void) { return fault("launch"); }
int cuGetErrorName(int code, const char **s) { *s = "CUDA_ERROR_OF_THE_STUB"; return 0; }
int cuGetErrorString(int code, const char **s) { *s = "an error that the stub was told to make"; return 0; }

int cuMemAlloc_v2(uintptr_t *p, size_t n)
{
	*p = (uintptr_t)malloc(n);
	return *p ? 0 : 2;
}
int cuMemAllocPitch_v2(uintptr_t *p, size_t *pitch, size_t w, size_t h, unsigned element)
{
	*pitch = (w + 511) & ~(size_t)511;
	return cuMemAlloc_v2(p, *pitch * h);
}
int cuMemFree_v2(uintptr_t p) { free((void *)p); return 0; }

struct copy { /* CUDA_MEMCPY2D */
	size_t src_x, src_y;
	unsigned src_type;
	const char *src_host;
	uintptr_t src_device;
	void *src_array;
	size_t src_pitch, dst_x, dst_y;
	unsigned dst_type;
	char *dst_host;
	uintptr_t dst_device;
	void *dst_array;
	size_t dst_pitch, width, height;
};

int cuMemcpy2D_v2(const struct copy *c)
{
	const char *src = c->src_type == 1 ? c->src_host : (const char *)c->src_device;
	char *dst = c->dst_type == 1 ? c->dst_host : (char *)c->dst_device;
	for (size_t y = 0; y < c->height; y++)
		memcpy(dst + (c->dst_y + y) * c->dst_pitch + c->dst_x, src + (c->src_y + y) * c->src_pitch + c->src_x, c->width);
	return 0;
}
int cuMemcpy2DAsync_v2(const struct copy *c, void *stream) { return cuMemcpy2D_v2(c); }

/* libnvcuvid */

struct decoder {
	unsigned pitch;
	char *surface;
};

FINE(cuvidGetDecodeStatus) FINE(cuvidReconfigureDecoder) FINE(cuvidUnmapVideoFrame64) FINE(cuvidUnmapVideoFrame)
FINE(cuvidCtxLockCreate) FINE(cuvidCtxLockDestroy) FINE(cuvidCtxLock) FINE(cuvidCtxUnlock) FINE(cuvidCreateVideoSource)
FINE(cuvidCreateVideoSourceW) FINE(cuvidDestroyVideoSource) FINE(cuvidSetVideoSourceState) FINE(cuvidGetVideoSourceState)
FINE(cuvidGetSourceVideoFormat) FINE(cuvidGetSourceAudioFormat) FINE(cuvidCreateVideoParser) FINE(cuvidParseVideoData)
FINE(cuvidDestroyVideoParser)

int cuvidGetDecoderCaps(char *caps) /* CUVIDDECODECAPS */
{
	caps[24] = 1;                                       /* bIsSupported */
	*u32(caps, 28) = *u32(caps, 32) = 8192;             /* nMaxWidth, nMaxHeight */
	*u32(caps, 36) = 8192 * 8192 / 256;                 /* nMaxMBCount */
	return 0;
}

int cuvidCreateDecoder(struct decoder **out, unsigned long *info) /* CUVIDDECODECREATEINFO: coded width and height first */
{
	int code = fault("create");
	if (code)
		return code;
	struct decoder *d = malloc(sizeof *d);
	d->pitch = (2 * info[0] + 511) & ~511ul;
	d->surface = malloc(d->pitch * (info[1] + 64) * 2);
	memset(d->surface, 0x80, d->pitch * (info[1] + 64) * 2);
	*out = d;
	return 0;
}
int cuvidDestroyDecoder(struct decoder *d)
{
	free(d->surface);
	free(d);
	return 0;
}
int cuvidDecodePicture(void) { return fault("decode"); }
int cuvidMapVideoFrame64(struct decoder *d, int i, uint64_t *p, unsigned *pitch, void *params)
{
	*p = (uintptr_t)d->surface;
	*pitch = d->pitch;
	return 0;
}
int cuvidMapVideoFrame(struct decoder *d, int i, unsigned *p, unsigned *pitch, void *params) { return 1; }

/* libnvidia-encode */

#define API (12 | 1 << 24)

enum { MEMORY = 10, VERSION = 15 }; /* NVENCSTATUS */

static const unsigned char codecs[3][16] = { /* H264, HEVC, AV1 */
	{0x62, 0x27, 0xc8, 0x6b, 0x63, 0x4e, 0xa4, 0x4c, 0xaa, 0x85, 0x1e, 0x50, 0xf3, 0x21, 0xf6, 0xbf},
	{0x88, 0xdc, 0x0c, 0x79, 0x22, 0x45, 0x7b, 0x4d, 0x94, 0x25, 0xbd, 0xa9, 0x97, 0x5f, 0x76, 0x03},
	{0x89, 0x22, 0x35, 0x0a, 0xa7, 0x0a, 0x59, 0x47, 0x86, 0x2d, 0x5d, 0x15, 0xcd, 0x16, 0xd2, 0x54},
};

struct encoder {
	int codec;
	char error[64];
	char coded[1024];
	uint32_t size;
	uint64_t time, duration;
	uint32_t type;
};

static int sessions; /* of this process */

static int open_session(void *params, struct encoder **out)
{
	int code = fault("open"), most = fault("sessions");
	if (*u32(params, 24) != API) /* NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS.apiVersion */
		return VERSION;
	if (code)
		return code;
	if (most && sessions >= most)
		return MEMORY;
	sessions++;
	*out = calloc(1, sizeof **out);
	return 0;
}
static int destroy(struct encoder *e)
{
	sessions--;
	free(e);
	return 0;
}
static const char *last_error(struct encoder *e) { return e ? e->error : ""; }

static int guid_count(struct encoder *e, uint32_t *n)
{
	*n = fault("noav1") ? 2 : 3;
	return 0;
}
static int guids(struct encoder *e, void *to, uint32_t room, uint32_t *n)
{
	guid_count(e, n);
	memcpy(to, codecs, *n * 16);
	return 0;
}
struct guid { uint64_t halves[2]; };
static int caps(struct encoder *e, struct guid codec, void *params, int *value)
{
	*value = 8192;
	return 0;
}
static int preset(struct encoder *e, struct guid codec, struct guid preset, unsigned tuning, void *config) { return 0; }

static int initialize(struct encoder *e, void *p) /* NV_ENC_INITIALIZE_PARAMS */
{
	char *config = *ptr(p, 88), *rc = config + 40, *codec = config + 168; /* NV_ENC_CONFIG, rcParams, encodeCodecConfig */
	for (e->codec = 0; e->codec < 2 && memcmp((char *)p + 4, codecs[e->codec], 16); )
		e->codec++;
	if (getenv("CASTNET_STUB_TELLS"))
		fprintf(stderr,
			"nvenc codec=%d size=%ux%u rate=%u/%u tuning=%u gop=%u distance=%u control=%u bits=%u most=%u vbv=%u minqp=%d "
			"lookahead=%d delayed=%d headers=%d\n",
			e->codec, *u32(p, 36), *u32(p, 40), *u32(p, 52), *u32(p, 56), *u32(p, 136), *u32(config, 20), *u32(config, 24),
			*u32(rc, 4), *u32(rc, 20), *u32(rc, 24), *u32(rc, 28), (rc[36] & 1) ? (int)*u32(rc, 40) : -1, !!(rc[36] & 0x20),
			!(rc[37] & 2), e->codec ? -1 : !!(codec[1] & 0x10));
	return 0;
}

static int one_handle(void *p, size_t at)
{
	*ptr(p, at) = &handle;
	return 0;
}
static int input_buffer(struct encoder *e, void *p) /* NV_ENC_CREATE_INPUT_BUFFER: width, height */
{
	*ptr(p, 24) = malloc((size_t)2048 * (*u32(p, 8) + 64) * 2);
	return 0;
}
static int free_input_buffer(struct encoder *e, void *p)
{
	free(p);
	return 0;
}
static int lock_input(struct encoder *e, void *p) /* NV_ENC_LOCK_INPUT_BUFFER */
{
	*ptr(p, 16) = *ptr(p, 8);
	*u32(p, 24) = 2048; /* the pitch: wide enough for the tests */
	return 0;
}
static int bitstream_buffer(struct encoder *e, void *p) { return one_handle(p, 16); }
static int register_resource(struct encoder *e, void *p) { return one_handle(p, 32); }
static int map_resource(struct encoder *e, void *p)
{
	*u32(p, 32) = 1; /* NV12 */
	return one_handle(p, 24);
}
static int fine(void) { return 0; }

static int encode(struct encoder *e, void *p) /* NV_ENC_PIC_PARAMS */
{
	static const char idr[3] = {0x65, 0x26, 0x0a}, other[3] = {0x41, 0x02, 0x0a};
	uint32_t flags = *u32(p, 16);
	int code = fault("encode");
	if (code)
		return code;
	if (flags & 8) /* the end */
		return 0;
	e->time = *u64(p, 24), e->duration = *u64(p, 32), e->type = flags & 2 ? 3 : 0; /* 2: FORCEIDR; 3: IDR, 0: P */
	memcpy(e->coded, "\0\0\0\1", 4);
	e->coded[4] = (flags & 2 ? idr : other)[e->codec];
	e->coded[5] = e->coded[6] = e->coded[7] = 1;
	e->size = 8;
	/* seiPayloadArrayCnt and seiPayloadArray, obuPayloadArrayCnt and obuPayloadArray of codecPicParams */
	static const size_t count[3] = {116, 136, 128}, array[3] = {120, 144, 136};
	for (uint32_t i = 0; i < *u32(p, count[e->codec]); i++) {
		char *payload = (char *)*ptr(p, array[e->codec]) + 16 * i; /* NV_ENC_SEI_PAYLOAD */
		uint32_t size = *u32(payload, 0);
		if (e->size + size > sizeof e->coded)
			return 20;
		memcpy(e->coded + e->size, *ptr(payload, 8), size);
		e->size += size;
	}
	return 0;
}
static int lock_bitstream(struct encoder *e, void *p) /* NV_ENC_LOCK_BITSTREAM */
{
	*u32(p, 36) = e->size, *ptr(p, 56) = e->coded;
	*u64(p, 40) = e->time, *u64(p, 48) = e->duration, *u32(p, 64) = e->type, *u32(p, 72) = 20;
	return 0;
}

int NvEncodeAPIGetMaxSupportedVersion(uint32_t *v)
{
	int version = fault("version");
	*v = version ? version : 12 << 4 | 1;
	return 0;
}

int NvEncodeAPICreateInstance(void *list) /* NV_ENCODE_API_FUNCTION_LIST */
{
	void **f = ptr(list, 8);
	if ((*u32(list, 0) & 0xff00ffff) != (0x7000000c | 1 << 24))
		return VERSION;
	f[1] = guid_count, f[4] = guids, f[7] = caps, f[11] = initialize, f[12] = input_buffer, f[13] = free_input_buffer;
	f[14] = bitstream_buffer, f[15] = fine, f[16] = encode, f[17] = lock_bitstream, f[18] = fine, f[19] = lock_input, f[20] = fine;
	f[25] = map_resource, f[26] = fine, f[27] = destroy, f[29] = open_session, f[30] = register_resource, f[31] = fine, f[32] = fine;
	f[37] = last_error, f[38] = fine, f[39] = preset;
	return 0;
}
