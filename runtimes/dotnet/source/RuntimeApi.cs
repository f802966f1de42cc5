using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Thaw.Runtime
{
    internal sealed class Answer
    {
        internal int Status;
        internal Dictionary<string, string> Headers;
        internal byte[] Body;
    }

    /// <summary>
    /// The Runtime API over one connection that is kept. Written on a socket: HttpClient costs more time to start than all the
    /// rest of this program. Every answer of the API has a length.
    /// </summary>
    internal sealed class RuntimeApi
    {
        private const string Version = "/2018-06-01/";
        private readonly string address;
        private Socket socket;
        private byte[] buffer = new byte[16384];
        private int start;
        private int end;

        internal RuntimeApi(string address)
        {
            this.address = address;
        }

        /// <summary>Asks until there is an answer: a connection may be lost while it waits, in a copy of this process above all.</summary>
        internal Answer Get(string path)
        {
            var request = Encoding.ASCII.GetBytes("GET " + Version + path + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n");
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    var answer = Exchange(request, null);
                    if (answer.Status != 200) throw new InvalidOperationException("GET " + path + " was answered " + answer.Status);
                    return answer;
                }
                catch (Exception error) when (attempt < 3 && (error is SocketException || error is EndOfStreamException))
                {
                    Close();
                }
            }
        }

        /// <summary>The status of the answer.</summary>
        internal int Post(string path, byte[] body, string errorType)
        {
            var head = new StringBuilder("POST ").Append(Version).Append(path).Append(" HTTP/1.1\r\nHost: ").Append(address);
            head.Append("\r\nContent-Type: application/json\r\nContent-Length: ").Append(body.Length);
            if (errorType != null) head.Append("\r\nLambda-Runtime-Function-Error-Type: ").Append(errorType);
            head.Append("\r\n\r\n");
            return Exchange(Encoding.ASCII.GetBytes(head.ToString()), body).Status;
        }

        private Answer Exchange(byte[] head, byte[] body)
        {
            if (socket == null) Connect();
            Send(head);
            if (body != null) Send(body);
            var answer = new Answer { Headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase) };
            answer.Status = int.Parse(ReadLine().Split(' ')[1]);
            for (var line = ReadLine(); line.Length > 0; line = ReadLine())
            {
                var colon = line.IndexOf(':');
                answer.Headers[line.Substring(0, colon)] = line.Substring(colon + 1).Trim();
            }
            string length;
            answer.Headers.TryGetValue("Content-Length", out length);
            answer.Body = ReadBytes(length == null ? 0 : int.Parse(length));
            return answer;
        }

        private void Connect()
        {
            var colon = address.LastIndexOf(':');
            socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(new IPEndPoint(IPAddress.Parse(address.Substring(0, colon)), int.Parse(address.Substring(colon + 1))));
        }

        private void Close()
        {
            if (socket != null) socket.Close();
            socket = null;
            start = end = 0;
        }

        private void Send(byte[] data)
        {
            for (var sent = 0; sent < data.Length;) sent += socket.Send(data, sent, data.Length - sent, SocketFlags.None);
        }

        private string ReadLine()
        {
            var line = new StringBuilder();
            while (true)
            {
                for (; start < end; start++)
                {
                    var next = (char)buffer[start];
                    if (next == '\n')
                    {
                        start++;
                        return line.ToString();
                    }
                    if (next != '\r') line.Append(next);
                }
                Fill();
            }
        }

        private byte[] ReadBytes(int length)
        {
            var bytes = new byte[length];
            for (var have = 0; have < length;)
            {
                if (start == end) Fill();
                var taken = Math.Min(end - start, length - have);
                Buffer.BlockCopy(buffer, start, bytes, have, taken);
                start += taken;
                have += taken;
            }
            return bytes;
        }

        private void Fill()
        {
            start = 0;
            end = socket.Receive(buffer);
            if (end == 0) throw new EndOfStreamException("the Runtime API closed its connection");
        }
    }
}
