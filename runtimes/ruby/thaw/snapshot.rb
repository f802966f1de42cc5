# frozen_string_literal: true

module Thaw
  # Hooks of functions whose initialised process is copied:
  #
  #   Thaw::Snapshot.before_snapshot { connection.close }
  #   Thaw::Snapshot.after_restore { connection.open }
  #
  # Those before a snapshot run last registered first, those after a restore in the order of their registration.
  module Snapshot
    @before = []
    @after = []
    @drew = false

    class << self
      def before_snapshot(&hook)
        raise ArgumentError, "a block is wanted" if hook.nil?

        @before.unshift(hook)
        hook
      end

      def after_restore(&hook)
        raise ArgumentError, "a block is wanted" if hook.nil?

        @after << hook
        hook
      end

      # Notices from now on whether random bytes are drawn that every copy would share. Only in processes that are copied.
      def watch
        noticing = Module.new do
          %i[urandom new_seed bytes seed].each do |name|
            define_method(name) do |*arguments|
              Snapshot.draw unless Snapshot.trial?(caller_locations(1, 1).first)
              super(*arguments)
            end
          end
          define_method(:new) do |*arguments|
            Snapshot.draw if arguments.empty?
            super(*arguments)
          end
        end
        Random.singleton_class.prepend(noticing)
        Requiring.after("openssl") { watch_openssl }
      end

      def draw
        @drew = true
      end

      # The library `securerandom` sees, when it is loaded, whether there are random bytes at all, and keeps none.
      def trial?(caller)
        caller.label == "singleton class" && File.basename(caller.path) == "securerandom.rb"
      end

      # Runs the hooks and tidies up. Answers whether random bytes were drawn so far. Raises what a hook raises.
      def prepare
        @before.each(&:call)
        drew = @drew
        GC.start
        GC.compact if GC.respond_to?(:compact)
        drew
      rescue NotImplementedError # compaction, on this platform
        drew
      end

      # Makes this process another than its siblings. SecureRandom asks the system each time and needs nothing.
      def make_unique
        Random.srand(Random.new_seed)
        return unless defined?(Dir::Tmpname)

        # It names temporary files from a generator of its own.
        names = Dir::Tmpname.const_get(:RANDOM) if Dir::Tmpname.const_defined?(:RANDOM)
        names&.define_singleton_method(:next) { Random.rand(36**6).to_s(36) } if names.respond_to?(:next)
      end

      def run_after_restore
        @after.each(&:call)
      end

      private

      def watch_openssl
        OpenSSL::Random.singleton_class.prepend(Module.new do
          %i[random_bytes pseudo_bytes bytes].each do |name|
            define_method(name) do |*arguments|
              Snapshot.draw
              super(*arguments)
            end
          end
        end)
      end
    end
  end
end
