package thaw;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** What is said to the Runtime API beside the client: /runtime/restore/drew, and restore/next before there is a client (agent/PROTOCOL.md). */
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

    /** Waits to be told that this is a copy. The document that says what to load. */
    static String restoreNext(String address) throws IOException {
        String[] api = address.split(":");
        try (Socket connection = new Socket(api[0], Integer.parseInt(api[1]))) {
            String request = "GET /2018-06-01/runtime/restore/next HTTP/1.1\r\nHost: " + address + "\r\n\r\n";
            connection.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            DataInputStream in = new DataInputStream(new BufferedInputStream(connection.getInputStream()));
            String head = head(in);
            if (!head.startsWith("HTTP/1.1 200")) throw new IOException("not answered: " + head);
            byte[] body = new byte[FakeApi.lengthOf(head)];
            in.readFully(body);
            return new String(body, StandardCharsets.UTF_8);
        }
    }

    private static String head(InputStream in) throws IOException {
        String head = FakeApi.head(in);
        if (head == null) throw new EOFException("the Runtime API hung up");
        return head;
    }
}
