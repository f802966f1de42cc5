package thaw;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A Runtime API inside this process, on a port of the loopback, so that the client can be rehearsed over real connections
 * and nothing of that reaches the platform. It answers every GET with the same event, and takes every POST.
 */
final class FakeApi implements Closeable {
    private static final long PATIENCE_MS = 1000;

    private final ServerSocket listener = new ServerSocket(0, 8, InetAddress.getByName("127.0.0.1"));
    private final List<Socket> connections = new CopyOnWriteArrayList<>();
    private final List<Thread> threads = new CopyOnWriteArrayList<>();
    private final String event;
    private volatile boolean ending;

    FakeApi(String event) throws IOException {
        this.event = event;
        start(this::accept);
    }

    /** Host and port. */
    String address() {
        return "127.0.0.1:" + listener.getLocalPort();
    }

    /** From now on every answer ends its connection, so that the client keeps none: no image has a dead one. */
    void endConnections() {
        ending = true;
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket connection : connections) connection.close();
        try {
            for (Thread thread : threads) thread.join(PATIENCE_MS);
        } catch (InterruptedException early) {
            Thread.currentThread().interrupt();
        }
    }

    private void start(Runnable work) {
        Thread thread = new Thread(work, "thaw-rehearsal");
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
    }

    private void accept() {
        try {
            while (true) {
                Socket connection = listener.accept();
                connections.add(connection);
                start(() -> serve(connection));
            }
        } catch (IOException closed) {
            // the rehearsal is over
        }
    }

    private void serve(Socket connection) {
        try (Socket open = connection) {
            open.setTcpNoDelay(true);
            InputStream in = new BufferedInputStream(open.getInputStream());
            for (String head = head(in); head != null; head = head(in)) {
                for (int left = lengthOf(head); left > 0; left--) in.read();
                boolean last = ending;
                open.getOutputStream().write(answer(head, last).getBytes(StandardCharsets.UTF_8));
                if (last) return;
            }
        } catch (IOException | NumberFormatException gone) {
            // the client has its reasons; the rehearsal ends with an exception there
        }
    }

    private String answer(String head, boolean last) {
        String ends = last ? "Connection: close\r\n" : "";
        if (head.startsWith("POST")) return "HTTP/1.1 202 Accepted\r\n" + ends + "Content-Length: 0\r\n\r\n";
        if (head.contains("/restore/next")) return "HTTP/1.1 200 OK\r\n" + ends + "Content-Length: 0\r\n\r\n";
        return "HTTP/1.1 200 OK\r\n" + ends
            + "Content-Type: application/json\r\n"
            + "Lambda-Runtime-Aws-Request-Id: 00000000-0000-0000-0000-000000000000\r\n"
            + "Lambda-Runtime-Deadline-Ms: " + (System.currentTimeMillis() + 30_000) + "\r\n"
            + "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:rehearsal\r\n"
            + "Lambda-Runtime-Trace-Id: Root=1-00000000-000000000000000000000000;Sampled=0\r\n"
            + "Content-Length: " + event.getBytes(StandardCharsets.UTF_8).length + "\r\n\r\n" + event;
    }

    /** A request's head as it came; null at the end of the connection. */
    static String head(InputStream in) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        for (int last = 0, next = in.read(); next >= 0; next = in.read()) {
            head.write(next);
            last = last << 8 | next;
            if (last == 0x0d0a0d0a) return head.toString("ISO-8859-1");
        }
        return null;
    }

    static int lengthOf(String head) {
        for (String line : head.split("\r\n")) {
            if (line.regionMatches(true, 0, "content-length:", 0, 15)) return Integer.parseInt(line.substring(15).trim());
        }
        return 0;
    }
}
