# frozen_string_literal: true

module Thaw
  # Loading of libraries. RubyGems takes most of the time that a small function needs to start, so it waits until something
  # is required that the standard library and the function's own files do not hold, or somebody names Gem; a function that
  # brings gems along has it from the start, since a gem may be newer than the library of the same name.
  module Requiring
    class << self
      # Calls `then_do` once the library `name` has been required; at once if it is already.
      def after(name, &then_do)
        return then_do.call if $LOADED_FEATURES.any? { |feature| feature.end_with?("/#{name}.rb") }

        (waiting[name] ||= []) << then_do
      end

      def loaded(name)
        waiting.delete(name)&.each(&:call) unless waiting.empty?
      end

      def install
        if gem_folders?
          gems
        else
          Object.autoload(:Gem, "rubygems")
        end
        Object.prepend(Hook)
      end

      # RubyGems. true when it was not there before.
      def gems
        return false if defined?(@gems)

        @gems = true
        require "rubygems"
        true
      end

      private

      def waiting
        @waiting ||= {}
      end

      # Are there gems where Lambda looks for those of functions and layers?
      def gem_folders?
        ENV.fetch("GEM_PATH", "").split(":").any? { |folder| File.directory?(File.join(folder, "gems")) }
      end
    end

    # Before Kernel#require, be it RubyGems' or Ruby's own.
    module Hook
      private

      def require(path)
        found = super
        Requiring.loaded(path)
        found
      rescue LoadError => error
        raise unless error.path == path && Requiring.gems

        retry
      end

      def gem(*arguments)
        Requiring.gems
        super
      end
    end
  end
end
