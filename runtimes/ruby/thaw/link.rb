# frozen_string_literal: true

module Thaw
  # The bootstrap's end of its link to the host: frames of agent/PROTOCOL.md over a socket, with blocking calls. Threads may
  # log while the main thread answers.
  class Link
    INVOKE = 0x02
    PREPARE = 0x03
    RESUME = 0x08
    READY = 0x82
    INIT_ERROR = 0x83
    RESPONSE = 0x84
    ERROR = 0x88
    LOG = 0x8a
    PREPARED = 0x8e
    RESTORE_ERROR = 0x8f

    # On RESPONSE and ERROR: this runtime reads its next event at once.
    READY_FLAG = 0x01
    # On those, READY and INIT_ERROR: output that did not come over the link belongs before it.
    RAW_FLAG = 0x02

    HEADER_BYTES = 12
    # the most that one frame may carry
    MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
    # a LOG message longer than this is sent as several; CloudWatch's limit for one event
    MAX_LOG_BYTES = 1024 * 1024
    # source of a LOG frame that is one whole message
    FRAMED = "\x02".b

    def initialize(number)
      @socket = IO.for_fd(number, "r+b", autoclose: false)
      @socket.sync = true
      @socket.close_on_exec = true
      @received = String.new(encoding: Encoding::BINARY)
      @lock = Mutex.new
    end

    # Sends one frame; `payload` is a string of bytes.
    def send_frame(type, flags, stream, payload)
      frame = [payload.bytesize, type, flags, 0, stream].pack("VCCvV") << payload.b
      # A signal's handler may log while its own thread is sending: Ruby allows no lock there, and no wait.
      return @socket.write(frame) if @lock.owned?

      begin
        @lock.synchronize { @socket.write(frame) }
      rescue ThreadError
        @socket.write(frame)
      end
    end

    # Sends INIT_ERROR, ERROR or RESTORE_ERROR: the error's type, then its JSON document.
    def send_error(type, flags, stream, error_type, document)
      name = error_type.b[0, 1024]
      body = document.b[0, MAX_PAYLOAD_BYTES - 2 - name.bytesize]
      send_frame(type, flags, stream, [name.bytesize].pack("v") << name << body)
    end

    # Sends one message of the log, in order with the answers.
    def log(stream, message)
      data = message.b
      (0...data.bytesize).step(MAX_LOG_BYTES) do |at|
        send_frame(LOG, 0, stream, FRAMED + data.byteslice(at, MAX_LOG_BYTES))
      end
    end

    # Waits for the next frame: [type, stream, payload]. nil once the host has closed the link.
    def receive
      return nil unless fill(HEADER_BYTES)

      length, type, _flags, _zero, stream = @received.unpack("VCCvV")
      raise IOError, "a frame of #{length} bytes" if length > MAX_PAYLOAD_BYTES
      return nil unless fill(HEADER_BYTES + length)

      payload = @received.byteslice(HEADER_BYTES, length)
      @received = @received.byteslice(HEADER_BYTES + length, @received.bytesize)
      [type, stream, payload]
    end

    private

    # Reads until there are that many bytes. false: the host has closed the link.
    def fill(wanted)
      @received << @socket.readpartial([wanted - @received.bytesize, 65_536].max) while @received.bytesize < wanted
      true
    rescue EOFError, Errno::ECONNRESET
      false
    end
  end
end
