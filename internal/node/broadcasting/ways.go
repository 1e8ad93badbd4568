package broadcasting

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"castnet/broadcaster/api"
	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/hls"
	rtspplayer "castnet/broadcaster/playback/rtsp"
	"castnet/broadcaster/playback/thumbnail"
	"castnet/broadcaster/playback/whep"
	"castnet/ingest/push"
	"castnet/ingest/rtmp"
	"castnet/ingest/rtsp"
	"castnet/ingest/srt"
	"castnet/ingest/whip"
	"castnet/internal/node/role"
	"castnet/internal/rtc"
)

// ways are a broadcaster's ways in and out, on open ports.
type ways struct {
	host  *rtc.Host
	pages *http.ServeMux // HLS, WHIP and WHEP are there already
	parts []func(context.Context) error
	// in and out are what the pages say of them.
	in, out []api.WayView
}

// openWays opens the ports and makes what serves them.
func (n *node) openWays(ctx context.Context, metrics *playback.Metrics) (*ways, error) {
	w := &ways{pages: http.NewServeMux()}
	for _, open := range []func(context.Context, *playback.Metrics, *ways) error{n.openRTMP, n.openRTMPS, n.openPulls, n.openHTTP, n.openWebRTC, n.openRTSP, n.openSRT} {
		if err := open(ctx, metrics, w); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (n *node) openRTMP(ctx context.Context, _ *playback.Metrics, w *ways) error {
	listener, err := role.Listen(ctx, n.cfg.RTMP, "--rtmp")
	if err != nil {
		return err
	}
	server, err := rtmp.New(rtmp.Config{
		Listener: listener, Gate: n.b, MaxConnections: n.cfg.MaxConnections, MaxPerAddress: n.cfg.MaxPerAddress,
		Logger: n.Log, Registerer: n.Registerer(),
	})
	if err != nil {
		return err
	}
	w.in = append(w.in, api.WayView{Protocol: "RTMP", URL: "rtmp://{host}:" + port(listener.Addr().String()) + "/live/{key}"})
	w.parts = append(w.parts, server.Run)
	return nil
}

func (n *node) openHTTP(ctx context.Context, metrics *playback.Metrics, w *ways) error {
	listener, err := role.Listen(ctx, n.cfg.HTTP, "--http")
	if err != nil {
		return err
	}
	server, err := hls.NewServer(hls.Config{
		Directory: n.b, Metrics: metrics, Logger: n.Log, Window: n.cfg.DVR, WindowBytes: n.cfg.MaxDVRMiB << 20,
		MaxViewers: n.cfg.MaxViewers,
	})
	if err != nil {
		return fmt.Errorf("%w (--dvr)", err)
	}
	pictures, err := thumbnail.New(thumbnail.Config{Directory: n.b, Maker: n.workers, Logger: n.Log})
	if err != nil {
		return err
	}
	in, err := push.New(push.Config{Gate: n.b, MaxPublishers: n.cfg.MaxPublishers, Logger: n.Log, Registerer: n.Registerer()})
	if err != nil {
		return err
	}
	w.pages.Handle("/hls/", server)
	w.pages.Handle("/thumbnails/", pictures)
	w.pages.Handle("/live/", in)
	w.in = append(w.in, api.WayView{Protocol: "HTTP", URL: "{origin}/live/{key}/{n}.ts", Note: "MPEG-TS segments, PUT or POST"})
	w.out = append(w.out, api.WayView{Protocol: "HLS", URL: "{origin}/hls/{id}/index.m3u8"})
	w.parts = append(w.parts, server.Run, pictures.Run, in.Run, func(ctx context.Context) error {
		return role.ServeHTTP(ctx, n.limit(listener, refuseHTTP), n.proxies.Handler(w.pages))
	})
	return nil
}

// openWebRTC opens the one UDP port, and the TCP port of the same number, that all of WebRTC shares.
func (n *node) openWebRTC(ctx context.Context, metrics *playback.Metrics, w *ways) error {
	tcp, err := role.Listen(ctx, n.cfg.WebRTC, "--webrtc")
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	udp, err := lc.ListenPacket(ctx, "udp", tcp.Addr().String())
	if err != nil {
		_ = tcp.Close() // the other error is the one to tell
		return fmt.Errorf("listen on %s: %w (choose another with --webrtc)", n.cfg.WebRTC, err)
	}
	if w.host, err = rtc.NewHost(udp, n.limit(tcp, nil), n.Log); err != nil {
		return err
	}
	servers, err := rtc.ParseICEServers(n.cfg.ICEServers)
	if err != nil {
		return fmt.Errorf("--ice-server: %w", err)
	}
	in, err := whip.New(whip.Config{
		Host: w.host, Gate: n.b, ICEServers: servers, MaxPublishers: n.cfg.MaxPublishers, Logger: n.Log, Registerer: n.Registerer(),
	})
	if err != nil {
		return err
	}
	out, err := whep.NewServer(whep.Config{
		Directory: n.b, Metrics: metrics, Logger: n.Log, Host: w.host, ICEServers: servers,
		MaxViewers: n.cfg.MaxViewers, MaxPerAddress: n.cfg.MaxViewersA,
	})
	if err != nil {
		return err
	}
	w.pages.Handle("/whip", in)
	w.pages.Handle("/whip/", in)
	w.pages.Handle("/whep/", out)
	w.in = append(w.in, api.WayView{Protocol: "WHIP", URL: "{origin}/whip/{key}"})
	w.out = append(w.out, api.WayView{Protocol: "WHEP", URL: "{origin}/whep/{id}"})
	w.parts = append(w.parts, in.Run, out.Run)
	return nil
}

func (n *node) openRTSP(ctx context.Context, metrics *playback.Metrics, w *ways) error {
	if n.cfg.RTSP == "" {
		return nil
	}
	tcp, err := role.Listen(ctx, n.cfg.RTSP, "--rtsp")
	if err != nil {
		return err
	}
	packets, reports, err := rtsp.ListenUDP(ctx, netip.MustParseAddrPort(tcp.Addr().String()))
	if err != nil {
		_ = tcp.Close() // the other error is the one to tell
		return fmt.Errorf("listen on %s by UDP: %w (choose another with --rtsp)", n.cfg.RTSP, err)
	}
	player, err := rtspplayer.New(rtspplayer.Config{Directory: n.b, Metrics: metrics, Logger: n.Log, MaxViewers: n.cfg.MaxViewers})
	if err != nil {
		return err
	}
	server, err := rtsp.New(rtsp.Config{
		Listener: tcp, RTP: packets, RTCP: reports, Gate: n.b, Player: player,
		MaxConnections: n.cfg.MaxConnections, MaxPerAddress: n.cfg.MaxPerAddress,
		Logger: n.Log, Registerer: n.Registerer(),
	})
	if err != nil {
		return err
	}
	base := "rtsp://{host}:" + port(tcp.Addr().String())
	w.in = append(w.in, api.WayView{Protocol: "RTSP", URL: base + "/live/{key}"})
	w.out = append(w.out, api.WayView{Protocol: "RTSP", URL: base + "/{id}"})
	w.parts = append(w.parts, player.Run, server.Run)
	return nil
}

func (n *node) openSRT(_ context.Context, _ *playback.Metrics, w *ways) error {
	if n.cfg.SRT == "" {
		return nil
	}
	server, err := srt.New(srt.Config{
		Address: n.cfg.SRT, Passphrase: n.cfg.SRTSecret, Gate: n.b, MaxPublishers: n.cfg.MaxPublishers, Logger: n.Log, Registerer: n.Registerer(),
	})
	if err != nil {
		return fmt.Errorf("%w (--srt, --srt-passphrase)", err)
	}
	way := api.WayView{Protocol: "SRT", URL: "srt://{host}:" + port(server.Address()) + "?streamid=publish:{key}"}
	if n.cfg.SRTSecret != "" {
		way.Note = "with the passphrase that this broadcaster was started with"
	}
	w.in = append(w.in, way)
	w.parts = append(w.parts, server.Run)
	return nil
}

// port is that of a listener's address.
func port(address string) string {
	_, p, _ := net.SplitHostPort(address) // a listener's address has one
	return p
}
