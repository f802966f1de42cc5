package thaw;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Tells the Runtime API what the client does not: POST /runtime/restore/drew (agent/PROTOCOL.md). */
final class Report {
    private Report() {}

    /** Whether init drew random bytes that all copies would share. Throws when that was not taken. */
    static void drew(boolean drew) throws IOException {
        String[] api = System.getenv("AWS_LAMBDA_RUNTIME_API").split(":");
        try (Socket connection = new Socket(api[0], Integer.parseInt(api[1]))) {
            String body = String.valueOf(drew);
            String request = "POST /2018-06-01/runtime/restore/drew HTTP/1.1\r\nHost: " + api[0]
                + "\r\nConnection: close\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
            connection.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            byte[] answer = new byte[512];
            int size = connection.getInputStream().read(answer);
            String head = new String(answer, 0, Math.max(0, size), StandardCharsets.US_ASCII);
            if (!head.startsWith("HTTP/1.1 202")) throw new IOException("not taken: " + head);
        }
    }
}
