# frozen_string_literal: true

module Thaw
  # Notices what is written to stdout and stderr past the link. It travels through the agent's pipes, and the answer has to
  # say so (flag 0x02 of agent/PROTOCOL.md) or could arrive first. What nothing here notices is logged all the same, only
  # perhaps behind its invocation's END.
  class RawOutput
    def initialize
      @seen = false
      @children = false
    end

    # Has anything been written since the last call, or may children be writing?
    def take
      seen = @seen
      @seen = false
      seen || @children
    end

    def mark
      @seen = true
    end

    def adopt
      @children = true
    end

    def watch
      mark = method(:mark)
      [STDOUT, STDERR].each do |stream|
        stream.sync = true
        %i[write syswrite write_nonblock].each { |name| precede(stream.singleton_class, name, mark) }
      end
      precede(Warning.singleton_class, :warn, mark) # past the methods of $stderr
      adopt = method(:adopt)
      precede(Kernel.singleton_class, :system, mark)
      precede(Object, :system, mark, private: true)
      %i[fork spawn `].each { |name| precede(Object, name, adopt, private: true) }
      %i[fork spawn daemon].each { |name| precede(Process.singleton_class, name, adopt) }
      precede(IO.singleton_class, :popen, adopt)
    end

    private

    # Runs `before` whenever the method is called, which is else the same.
    def precede(owner, name, before, private: false)
      hook = Module.new do
        define_method(name) do |*arguments, **options, &block|
          before.call
          super(*arguments, **options, &block)
        end
        private(name) if private
      end
      owner.prepend(hook)
    end
  end
end
