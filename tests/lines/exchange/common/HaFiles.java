package io.flinkkubeha.tests.exchange;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesUtils;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The files of the cluster in the storage directory. */
final class HaFiles {

    private final Path directory;

    HaFiles(Configuration configuration) {
        directory =
                Path.of(
                        HighAvailabilityServicesUtils.getClusterHighAvailableStoragePath(
                                        configuration)
                                .getPath());
    }

    /** The one file that an action leaves behind. */
    Path writtenBy(Callable<?> action) throws Exception {
        final Set<Path> before = list();
        action.call();
        final Set<Path> after = list();
        after.removeAll(before);
        if (after.size() != 1) {
            throw new IllegalStateException("Not one new file but " + after);
        }
        return after.iterator().next();
    }

    private Set<Path> list() throws IOException {
        if (!Files.exists(directory)) {
            return Set.of();
        }
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(Files::isRegularFile).collect(Collectors.toSet());
        }
    }

    /** A directory with something in it in the place of a file, which so cannot be discarded. */
    static final class Obstacle implements AutoCloseable {

        private final Path file;
        private final Path aside;

        Obstacle(Path file) throws IOException {
            this.file = file;
            aside = file.resolveSibling("aside." + file.getFileName());
            Files.move(file, aside);
            Files.createDirectories(file.resolve("obstacle"));
        }

        @Override
        public void close() throws IOException {
            Files.delete(file.resolve("obstacle"));
            Files.delete(file);
            Files.move(aside, file);
        }
    }
}
