package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"castnet/broadcaster/api"
	"castnet/test/viewer"
)

// system is the distribution's ffmpeg.
const system = "/usr/bin/ffmpeg"

// Publishers.

func rtmpByFFmpeg(ctx context.Context, m *matrix, key, file string) error {
	return run(ctx, system, "-v", "error", "-re", "-i", file, "-c", "copy", "-f", "flv", m.RTMP+key)
}

func rtmpsByFFmpeg(ctx context.Context, m *matrix, key, file string) error {
	return run(ctx, system, "-v", "error", "-re", "-i", file, "-c", "copy", "-f", "flv", m.RTMPS+key)
}

// rtmpByBuiltFFmpeg publishes by enhanced RTMP, which Debian's ffmpeg is too old for.
func rtmpByBuiltFFmpeg(ctx context.Context, m *matrix, key, file string) error {
	return run(ctx, m.built, "-v", "error", "-re", "-i", file, "-c", "copy", "-f", "flv", m.RTMP+key)
}

func rtspByFFmpeg(transport string) publisher {
	return func(ctx context.Context, m *matrix, key, file string) error {
		return run(ctx, system, "-v", "error", "-re", "-i", file, "-c", "copy", "-strict", "experimental", "-f", "rtsp", "-rtsp_transport", transport, m.RTSP+"live/"+key)
	}
}

// lingering has SRT's library send what it still has when a program closes the connection: by default it forgets that.
const lingering = "&linger=5" // seconds at most

// srtByFFmpeg gives packets up after 1 s, in µs, not after SRT's 120 ms: a busy machine is late with some.
func srtByFFmpeg(ctx context.Context, m *matrix, key, file string) error {
	return run(ctx, system, "-v", "error", "-re", "-i", file, "-c", "copy", "-f", "mpegts", m.SRT+"?latency=1000000&streamid=publish:"+key+lingering)
}

// srtLiveTransmit has the SRT project's own tool carry what ffmpeg sends by UDP.
func srtLiveTransmit(ctx context.Context, m *matrix, key, file string) error {
	free, err := new(net.ListenConfig).ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	from := free.LocalAddr().String()
	if err := free.Close(); err != nil {
		return err
	}
	var out bytes.Buffer
	carrier := exec.CommandContext(ctx, "srt-live-transmit", "-q", "-a", "no", "udp://"+from, m.SRT+"?latency=1000&streamid=publish:"+key+lingering)
	carrier.Stdout, carrier.Stderr = &out, &out
	if err := carrier.Start(); err != nil {
		return err
	}
	err = run(ctx, system, "-v", "error", "-re", "-i", file, "-c", "copy", "-f", "mpegts", "udp://"+from+"?pkt_size=1316")
	err = errors.Join(err, emptied(ctx, free.LocalAddr().(*net.UDPAddr)), carrier.Process.Signal(os.Interrupt))
	if ended := carrier.Wait(); err != nil {
		return fmt.Errorf("%w; srt-live-transmit: %w\n%s", err, ended, out.String())
	}
	return nil // whatever it says of being interrupted
}

// emptied waits until whoever has a UDP port has read all that came to it.
func emptied(ctx context.Context, port *net.UDPAddr) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	socket := fmt.Sprintf(":%04X ", port.Port)
	for {
		sockets, err := os.ReadFile("/proc/net/udp") // a line each: number, local address, remote address, state, bytes to send:to read
		if err != nil {
			return err
		}
		_, line, there := strings.Cut(string(sockets), socket)
		if fields := strings.Fields(line); !there || len(fields) > 2 && strings.HasSuffix(fields[2], ":00000000") {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("what came to %v is not read: %w", port, ctx.Err())
		}
	}
}

// pushByFFmpeg pushes segments of a second by HTTP, with one of the muxers that make them. It ends the stream itself where the
// muxer does not.
func pushByFFmpeg(muxer string) publisher {
	return func(ctx context.Context, m *matrix, key, file string) error {
		url := m.HTTP + "/live/" + key
		args := []string{system, "-v", "error", "-re", "-i", file, "-c", "copy", "-f", muxer}
		if muxer == "hls" {
			return run(ctx, append(args, "-method", "PUT", "-http_persistent", "1", "-hls_time", "1", "-hls_list_size", "3", url+"/index.m3u8")...)
		}
		if err := run(ctx, append(args, "-segment_time", "1", "-segment_format", "mpegts", url+"/%d.ts")...); err != nil {
			return err
		}
		_, _, err := ask(ctx, http.MethodDelete, url, "")
		return err
	}
}

// byGStreamer publishes H264 with sound of the parser's kind by an element named out, which takes both. Matroska has no
// decoding times: they are made.
func byGStreamer(soundParser string, out func(m *matrix, key string) string) publisher {
	return func(ctx context.Context, m *matrix, key, file string) error {
		return gstreamer(ctx, "filesrc location="+file+" ! matroskademux name=d "+
			"d.video_0 ! queue ! h264parse ! h264timestamper ! h264parse ! identity sync=true ! out. "+
			"d.audio_0 ! queue ! "+soundParser+" ! identity sync=true ! out. "+out(m, key))
	}
}

// gstreamerPatience is for how long, in ns, a muxer waits for pictures that a busy machine delays. Without it flvmux goes on with
// sound, and gives the pictures that come then one time, that of the sound, so that their order contradicts their times.
const gstreamerPatience = "latency=1000000000"

func gstreamerRTMP(m *matrix, key string) string {
	return "flvmux name=out streamable=true " + gstreamerPatience + " ! rtmp2sink location=" + m.RTMP + key
}

// thatHangs is a publisher that at times does not end with its stream, as rtspclientsink of GStreamer 1.22, whose threads wait
// for each other then: when it has said goodbye it is ended.
func thatHangs(push publisher) publisher {
	return func(ctx context.Context, m *matrix, key, file string) error {
		pushing, end := context.WithCancel(ctx)
		defer end()
		ended := make(chan struct{})
		go func() {
			if m.ended(pushing, key) {
				close(ended)
				end()
			}
		}()
		err := push(pushing, m, key, file)
		select {
		case <-ended: // it was ended here
			return ctx.Err()
		default:
			return err
		}
	}
}

// ended waits until a stream's publisher has ended it, and reports whether it has before ctx is done.
func (m *matrix) ended(ctx context.Context, id string) bool {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		if v, err := m.Stream(ctx, id); err == nil && v.State == api.Ended {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

func gstreamerRTSP(m *matrix, key string) string {
	return "rtspclientsink name=out protocols=tcp location=" + m.RTSP + "live/" + key
}

func gstreamerSRT(m *matrix, key string) string {
	return "mpegtsmux name=out alignment=7 " + gstreamerPatience + " ! srtsink uri=" + m.SRT + "?streamid=publish:" + key
}

// gstreamer runs a pipeline to its end.
func gstreamer(ctx context.Context, pipeline string) error {
	return run(ctx, append([]string{"gst-launch-1.0", "-q", "-e"}, strings.Fields(pipeline)...)...)
}

// Players.

// rtspByGStreamer plays H264 and AAC with rtspsrc's options. By itself rtspsrc dates what it gets by when that arrives, in a
// burst as it joins and late on a busy machine; with buffer-mode=none by RTP's timestamps.
func rtspByGStreamer(rendition, options string) func(context.Context, *matrix, string, string) error {
	return func(ctx context.Context, m *matrix, id, file string) error {
		if err := there(ctx, m.HTTP+"/hls/"+id+"/160p/index.m3u8"); err != nil {
			return err
		}
		return gstreamer(ctx, "rtspsrc name=in latency=200 buffer-mode=none "+options+" location="+m.RTSP+id+"/"+rendition+
			" in. ! rtph264depay ! queue ! h264parse ! out."+
			" in. ! rtpmp4gdepay ! queue ! aacparse ! out."+
			" matroskamux name=out ! filesink location="+file)
	}
}

// hlsByMPV plays the best variant from the stream's beginning, decoded and encoded anew without loss.
func hlsByMPV(ctx context.Context, m *matrix, id, file string) error {
	index := m.HTTP + "/hls/" + id + "/index.m3u8"
	if err := there(ctx, index); err != nil {
		return err
	}
	return run(ctx, "mpv", "--no-config", "--msg-level=all=warn", "--o="+file, "--of=matroska", "--ovc=ffv1", "--oac=pcm_s16le",
		"--demuxer-lavf-o=live_start_index=0", "--hls-bitrate=max", index)
}

// rtspByMPV plays the source.
func rtspByMPV(ctx context.Context, m *matrix, id, file string) error {
	if err := there(ctx, m.HTTP+"/hls/"+id+"/source/index.m3u8"); err != nil {
		return err
	}
	return run(ctx, "mpv", "--no-config", "--msg-level=all=warn", "--o="+file, "--of=matroska", "--ovc=ffv1", "--oac=pcm_s16le", m.RTSP+id)
}

// hlsByFFmpeg plays every variant from the stream's beginning.
func hlsByFFmpeg(ctx context.Context, m *matrix, id, file string) error {
	index := m.HTTP + "/hls/" + id + "/index.m3u8"
	if err := there(ctx, index); err != nil {
		return err
	}
	return run(ctx, system, "-v", "error", "-live_start_index", "0", "-i", index, "-map", "0:v", "-map", "0:a:0", "-c", "copy", "-f", "matroska", file)
}

// playRTSPByFFmpeg decodes: RTP has no decoding times, which files of B-frames need.
func playRTSPByFFmpeg(rendition string) func(context.Context, *matrix, string, string) error {
	return func(ctx context.Context, m *matrix, id, file string) error {
		if err := there(ctx, m.HTTP+"/hls/"+id+"/160p/index.m3u8"); err != nil {
			return err
		}
		return run(ctx, system, "-v", "error", "-rtsp_transport", "tcp", "-i", m.RTSP+id+"/"+rendition,
			"-fps_mode", "passthrough", "-c:v", "ffv1", "-c:a", "pcm_s16le", "-f", "matroska", file)
	}
}

func whepRecorded(rendition string) func(context.Context, *matrix, string, string) error {
	return func(ctx context.Context, m *matrix, id, file string) error {
		if err := there(ctx, m.HTTP+"/hls/"+id+"/160p/index.m3u8"); err != nil {
			return err
		}
		return viewer.RecordWHEP(ctx, m.HTTP+"/whep/"+id+"?rendition="+rendition, file)
	}
}

// there waits until a page is.
func there(ctx context.Context, url string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_, err := io.Copy(io.Discard, resp.Body)
			if err := errors.Join(err, resp.Body.Close()); err != nil {
				return err
			}
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", url, ctx.Err())
		}
	}
}

// run runs a command to its end.
func run(ctx context.Context, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
	}
	return nil
}
