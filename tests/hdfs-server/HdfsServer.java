package io.flinkkubeha.tests;

import com.sun.net.httpserver.HttpServer;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.fs.SafeModeAction;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.MiniDFSNNTopology;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A real HDFS: two NameNodes, of which one is active, and a DataNode, in the working directory.
 *
 * <p>The argument is a port of this machine where an HTTP server does what a path says, as soon as
 * HDFS answers. The configuration for clients stands in {@code conf} by then. The program ends with
 * the process that has started it.
 */
public final class HdfsServer {

    private static final String SERVICE = "cluster";
    private static final String PROXIES =
            "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider";

    private final MiniDFSCluster cluster;
    private int active;

    private HdfsServer() throws Exception {
        final Configuration configuration = new Configuration();
        configuration.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, new File("dfs").getAbsolutePath());
        configuration.setInt("dfs.namenode.safemode.extension", 0);
        configuration.setInt("dfs.heartbeat.interval", 1);
        configuration.setInt("ipc.client.connect.retry.interval", 200);
        configuration.setInt("dfs.ha.tail-edits.period", 1);
        final MiniDFSNNTopology.NSConf service = new MiniDFSNNTopology.NSConf(SERVICE);
        for (String id : new String[] {"nn0", "nn1"}) {
            service.addNN(new MiniDFSNNTopology.NNConf(id));
        }
        cluster =
                new MiniDFSCluster.Builder(configuration)
                        .nnTopology(new MiniDFSNNTopology().addNameservice(service))
                        .numDataNodes(1)
                        .build();
        cluster.transitionToActive(active);
        cluster.waitActive(active);
    }

    public static void main(String[] arguments) throws Exception {
        ProcessHandle.current()
                .parent()
                .ifPresent(parent -> parent.onExit().thenRun(() -> Runtime.getRuntime().halt(0)));
        final HdfsServer hdfs = new HdfsServer();
        hdfs.writeConfiguration();
        final InetSocketAddress address =
                new InetSocketAddress(
                        InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[0]));
        final HttpServer server = HttpServer.create(address, 0);
        server.createContext(
                "/",
                exchange -> {
                    int status = 200;
                    String text;
                    try {
                        text = hdfs.answer(exchange.getRequestURI().getPath());
                    } catch (Exception e) {
                        status = 500;
                        text = e.toString();
                    }
                    final byte[] body = text.getBytes(StandardCharsets.UTF_8);
                    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
                    try (OutputStream out = exchange.getResponseBody()) {
                        out.write(body);
                    }
                });
        server.start();
    }

    private synchronized String answer(String path) throws Exception {
        switch (path) {
            case "/active":
                return address(active);
            case "/files":
                return files();
            case "/safe-mode/on":
                cluster.getFileSystem(active).setSafeMode(SafeModeAction.ENTER);
                return "";
            case "/safe-mode/off":
                cluster.getFileSystem(active).setSafeMode(SafeModeAction.LEAVE);
                return "";
            case "/stop":
                cluster.shutdownNameNode(active);
                return "";
            case "/start":
                cluster.restartNameNode(active, false);
                cluster.transitionToActive(active);
                cluster.waitActive(active);
                return "";
            case "/fail-over":
                cluster.transitionToStandby(active);
                active = 1 - active;
                cluster.transitionToActive(active);
                return "";
            default:
                throw new IllegalArgumentException(path);
        }
    }

    private String address(int index) {
        return "127.0.0.1:" + cluster.getNameNodePort(index);
    }

    /** One path in a line. */
    private String files() throws IOException {
        final FileSystem fileSystem = cluster.getFileSystem(active);
        final RemoteIterator<LocatedFileStatus> found =
                fileSystem.listFiles(new Path("/"), true);
        final TreeSet<String> paths = new TreeSet<>();
        while (found.hasNext()) {
            paths.add(found.next().getPath().toUri().getPath() + "\n");
        }
        return String.join("", paths);
    }

    private void writeConfiguration() throws IOException {
        final Map<String, String> core = new TreeMap<>();
        core.put("fs.defaultFS", "hdfs://" + SERVICE);
        final Map<String, String> hdfs = new TreeMap<>();
        hdfs.put("dfs.nameservices", SERVICE);
        hdfs.put("dfs.ha.namenodes." + SERVICE, "nn0,nn1");
        hdfs.put("dfs.namenode.rpc-address." + SERVICE + ".nn0", address(0));
        hdfs.put("dfs.namenode.rpc-address." + SERVICE + ".nn1", address(1));
        hdfs.put("dfs.client.failover.proxy.provider." + SERVICE, PROXIES);
        final File directory = new File("conf");
        Files.createDirectories(directory.toPath());
        write(new File(directory, "core-site.xml"), core);
        write(new File(directory, "hdfs-site.xml"), hdfs);
    }

    private static void write(File file, Map<String, String> values) throws IOException {
        final Configuration configuration = new Configuration(false);
        values.forEach(configuration::set);
        try (OutputStream out = Files.newOutputStream(file.toPath())) {
            configuration.writeXml(out);
        }
    }
}
