package broadcasting

import (
	"context"
	"crypto/tls"
	"fmt"

	"castnet/broadcaster/api"
	"castnet/broadcaster/playback"
	"castnet/ingest/rtmp"
	"castnet/ingest/rtsp"
	"castnet/internal/node/role"
)

// openRTMPS is openRTMP by TLS.
func (n *node) openRTMPS(ctx context.Context, _ *playback.Metrics, w *ways) error {
	if n.cfg.RTMPS == "" {
		return nil
	}
	certificate, err := tls.LoadX509KeyPair(n.cfg.TLSCert, n.cfg.TLSKey)
	if err != nil {
		return fmt.Errorf("certificate for RTMPS: %w (--tls-cert, --tls-key)", err)
	}
	tcp, err := role.Listen(ctx, n.cfg.RTMPS, "--rtmps")
	if err != nil {
		return err
	}
	listener := tls.NewListener(tcp, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	server, err := rtmp.New(rtmp.Config{
		Listener: listener, Protocol: "rtmps", Gate: n.b, MaxConnections: n.cfg.MaxConnections, MaxPerAddress: n.cfg.MaxPerAddress,
		Logger: n.Log, Registerer: n.Registerer(),
	})
	if err != nil {
		return err
	}
	w.in = append(w.in, api.WayView{Protocol: "RTMPS", URL: "rtmps://{host}:" + port(tcp.Addr().String()) + "/live/{key}"})
	w.parts = append(w.parts, server.Run)
	return nil
}

// openPulls pulls the streams that the keys file says stand on other servers.
func (n *node) openPulls(_ context.Context, _ *playback.Metrics, w *ways) error {
	puller, err := rtsp.NewPuller(rtsp.PullConfig{Sources: n.sources, Gate: n.b, Logger: n.Log, Registerer: n.Registerer()})
	if err != nil {
		return fmt.Errorf("%w (--keys)", err)
	}
	w.parts = append(w.parts, puller.Run)
	return nil
}
