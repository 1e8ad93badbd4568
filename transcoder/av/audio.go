package av

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
	"castnet/transcoder"
	"castnet/transcoder/av/frame"
)

const (
	audioRate = 48_000
	// audioSlack is how far sound may be from its timestamp before samples are dropped or silence is put in: 15 ms.
	// RTMP's timestamps are rounded to milliseconds, so they jitter by less; people notice 40 ms.
	audioSlack = audioRate * 15 / 1000
	// audioJump is the gap from which on timestamps are taken to have jumped: one second.
	audioJump = audioRate

	// Sound of 1 Hz would become 200 MB a packet at 48 kHz. AAC's rates are 7350 to 96000 Hz, but may be written out.
	minSoundRate, maxSoundRate = 4_000, 192_000

	noPTS = math.MinInt64 // AV_NOPTS_VALUE

	audioProgressEvery = 500 * time.Millisecond
)

// audio is a converter of one audio track. Its timestamps follow the source's, not the number of samples.
type audio struct {
	job *transcoder.AudioJob

	dec   *frame.Decoder
	enc   *astiav.CodecContext
	pkt   *astiav.Packet
	swr   *astiav.SoftwareResampleContext
	from  sound // what swr was opened for
	fifo  *astiav.AudioFifo
	frame *astiav.Frame // one packet's samples
	spare *astiav.Frame // resampled samples, or silence
	next  int64         // output timestamp of the first sample in fifo
	going bool          // next is set
	over  bool          // the end came

	decoded, output int64 // last timestamps, for Progress
	said            bool  // output is set
}

// sound is the format of decoded samples.
type sound struct {
	rate, channels int
	format         astiav.SampleFormat
}

func newAudio(job *transcoder.AudioJob) (*audio, error) {
	if job.From == nil || !job.From.Codec.IsAudio() || !job.Codec.IsAudio() || job.From.ClockRate < minSoundRate || job.From.ClockRate > maxSoundRate {
		return nil, errors.New("an audio job converts between AAC and Opus, from a track with a usual sample rate")
	}
	a := &audio{
		job: job, pkt: astiav.AllocPacket(), frame: astiav.AllocFrame(), spare: astiav.AllocFrame(),
	}
	err := a.openEncoder()
	if err == nil {
		a.dec, err = frame.OpenDecoder(job.From, [2]int{}, nil)
	}
	if err != nil {
		a.free()
		return nil, fmt.Errorf("convert %v to %v: %w", job.From.Codec, job.Codec, err)
	}
	a.fifo = astiav.AllocAudioFifo(a.format(), a.job.Track().Channels, audioRate)
	return a, nil
}

// format is the samples that the encoder takes.
func (a *audio) format() astiav.SampleFormat {
	if a.job.Codec == media.Opus {
		return astiav.SampleFormatFlt
	}
	return astiav.SampleFormatFltp
}

func (a *audio) openEncoder() error {
	name := "aac"
	options := astiav.NewDictionary()
	defer options.Free()
	if a.job.Codec == media.Opus {
		name = "libopus"
		if err := options.Set("frame_duration", "20", astiav.NewDictionaryFlags()); err != nil { // ms: WebRTC's usual
			return err
		}
	}
	codec := astiav.FindEncoderByName(name)
	if codec == nil {
		return fmt.Errorf("this FFmpeg has no encoder %s", name)
	}
	c := astiav.AllocCodecContext(codec)
	a.enc = c
	c.SetSampleRate(audioRate)
	c.SetSampleFormat(a.format())
	c.SetChannelLayout(astiav.ChannelLayoutStereo)
	c.SetTimeBase(astiav.NewRational(1, audioRate))
	c.SetBitRate(int64(a.job.Bitrate))
	return c.Open(codec, options)
}

func (a *audio) free() {
	a.pkt.Free()
	a.frame.Free()
	a.spare.Free()
	if a.dec != nil {
		a.dec.Free()
	}
	if a.enc != nil {
		a.enc.Free()
	}
	if a.swr != nil {
		a.swr.Free()
	}
	if a.fifo != nil {
		a.fifo.Free()
	}
}

func (a *audio) run(ctx context.Context, in <-chan transcoder.Input, emit emitFunc) error {
	defer a.free()
	tick := time.NewTicker(audioProgressEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := emit(ctx, transcoder.Progress{DecodedPTS: a.decoded, OutputPTS: []int64{a.output}}); err != nil {
				return err
			}
		case i := <-in:
			if err := a.input(ctx, i, emit); err != nil {
				return err
			}
		}
	}
}

func (a *audio) input(ctx context.Context, in transcoder.Input, emit emitFunc) error {
	switch in := in.(type) {
	case transcoder.WriteUnit:
		if len(in.Unit.Payload) > 0 && !a.over {
			return a.write(ctx, in.Unit, emit)
		}
	case transcoder.EndSegment:
		if a.over {
			break
		}
		a.over = true
		if err := a.finish(ctx, emit); err != nil {
			return err
		}
		return emit(ctx, transcoder.SegmentDone{Seq: in.Seq, Attempt: in.Attempt})
	}
	return &transcoder.InputError{Reason: fmt.Sprintf("%T in an audio job: only units with a payload, and one end", in)}
}

// finish makes packets of all that was written; the last one is filled up with silence.
func (a *audio) finish(ctx context.Context, emit emitFunc) error {
	err := a.dec.Drain(func(f *astiav.Frame) error {
		if err := a.take(f); err != nil {
			return err
		}
		return a.encode(ctx, emit)
	})
	if _, broken := errors.AsType[*frame.DecodeError](err); err != nil && !broken {
		return err
	}
	if rest := a.fifo.Size() % a.enc.FrameSize(); rest > 0 {
		if err := a.silence(a.enc.FrameSize() - rest); err != nil {
			return err
		}
		if err := a.encode(ctx, emit); err != nil {
			return err
		}
	}
	if err := a.enc.SendFrame(nil); err != nil {
		return fmt.Errorf("end of sound: %w", err)
	}
	return a.packets(ctx, emit)
}

// write converts one packet. A broken one is reported and left out: silence takes its place.
func (a *audio) write(ctx context.Context, u *media.Unit, emit emitFunc) error {
	err := a.dec.Decode(u, func(f *astiav.Frame) error {
		a.decoded = f.Pts()
		if err := a.take(f); err != nil {
			return err
		}
		return a.encode(ctx, emit)
	})
	if bad, ok := errors.AsType[*frame.DecodeError](err); ok {
		return emit(ctx, transcoder.BadInput{PTS: u.PTS, Reason: bad.Error()})
	}
	return err
}

// take resamples a decoded frame and puts it where its timestamp says.
func (a *audio) take(f *astiav.Frame) error {
	if err := a.resample(f); err != nil {
		return err
	}
	at := a.next + int64(a.fifo.Size())
	if f.Pts() != noPTS { // it follows the one before where it has none: a packet may hold several frames
		at = media.Rescale(f.Pts(), int64(a.job.From.ClockRate), audioRate)
	}
	gap := at - a.next - int64(a.fifo.Size())
	switch {
	case !a.going || gap > audioJump || gap < -audioJump:
		if err := a.restart(at); err != nil {
			return err
		}
	case gap < -audioSlack:
		return nil // the place is taken already
	case gap > audioSlack:
		if err := a.silence(int(gap)); err != nil {
			return err
		}
	}
	if a.spare.NbSamples() == 0 { // the resampler keeps the first few
		return nil
	}
	_, err := a.fifo.Write(a.spare)
	return err
}

// restart begins a new timeline; less than a packet's samples of the old one are lost.
func (a *audio) restart(at int64) error {
	a.going = true
	a.next = at
	a.fifo.Free()
	if a.fifo = astiav.AllocAudioFifo(a.format(), a.job.Track().Channels, audioRate); a.fifo == nil {
		return errors.New("no memory for sound")
	}
	return nil
}

// silence appends n samples of it. spare's samples stay.
func (a *audio) silence(n int) error {
	quiet := astiav.AllocFrame()
	defer quiet.Free()
	a.shape(quiet)
	quiet.SetNbSamples(n)
	if err := quiet.AllocBuffer(0); err != nil {
		return err
	}
	if err := quiet.SamplesFillSilence(); err != nil {
		return err
	}
	_, err := a.fifo.Write(quiet)
	return err
}

// shape makes f an empty frame of the encoder's format.
func (a *audio) shape(f *astiav.Frame) {
	f.Unref()
	f.SetSampleRate(audioRate)
	f.SetSampleFormat(a.format())
	f.SetChannelLayout(astiav.ChannelLayoutStereo)
}

// resample fills spare. A source may change its format: HE-AAC says its true rate with the first frame only.
func (a *audio) resample(f *astiav.Frame) error {
	from := sound{f.SampleRate(), f.ChannelLayout().Channels(), f.SampleFormat()}
	if from.rate < minSoundRate || from.rate > maxSoundRate {
		return frame.Undecodable(fmt.Errorf("sound of %d Hz: allowed are %d to %d", from.rate, minSoundRate, maxSoundRate))
	}
	if a.swr != nil && from != a.from {
		a.swr.Free()
		a.swr = nil
	}
	if a.swr == nil {
		a.swr, a.from = astiav.AllocSoftwareResampleContext(), from
	}
	a.shape(a.spare)
	if err := a.swr.ConvertFrame(f, a.spare); err != nil {
		return frame.Undecodable(fmt.Errorf("resample %d Hz, %d channels: %w", from.rate, from.channels, err))
	}
	return nil
}

// encode makes packets of all whole frames that are there.
func (a *audio) encode(ctx context.Context, emit emitFunc) error {
	size := a.enc.FrameSize()
	for a.fifo.Size() >= size {
		a.shape(a.frame)
		a.frame.SetNbSamples(size)
		if err := a.frame.AllocBuffer(0); err != nil {
			return err
		}
		if _, err := a.fifo.Read(a.frame); err != nil {
			return err
		}
		a.frame.SetPts(a.next)
		a.next += int64(size)
		if err := a.enc.SendFrame(a.frame); err != nil {
			return fmt.Errorf("encode sound at %d: %w", a.frame.Pts(), err)
		}
		if err := a.packets(ctx, emit); err != nil {
			return err
		}
	}
	return nil
}

// packets emits what the encoder has ready. Its timestamps account for the samples by which it delays sound.
func (a *audio) packets(ctx context.Context, emit emitFunc) error {
	for {
		if err := a.enc.ReceivePacket(a.pkt); errors.Is(err, astiav.ErrEagain) || errors.Is(err, astiav.ErrEof) {
			return nil
		} else if err != nil {
			return err
		}
		u := &media.Unit{PTS: a.pkt.Pts(), DTS: a.pkt.Pts(), Key: true, Payload: a.pkt.Data()}
		a.pkt.Unref()
		u.Discontinuity = a.said && u.PTS != a.output+int64(a.enc.FrameSize())
		a.output, a.said = u.PTS, true
		if err := emit(ctx, transcoder.Rendered{Unit: u}); err != nil {
			return err
		}
	}
}
